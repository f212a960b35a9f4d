"""Which lines and branches of the kernels the tests take."""
