"""Compiled kernels: C types only, no Python object in a loop. Used by the bindings alone."""
