"""Fuzzing of the kernels, without Python in the loop."""
