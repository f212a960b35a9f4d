"""The wire formats, each field once.

`fields` is the vocabulary, `mms` and `winmx` are the tables, `faults` the fault codes of all
layers. Only `dtypes` imports NumPy.
"""
