"""The tests and the kernels under the sanitizers of gcc and clang, and under valgrind."""
