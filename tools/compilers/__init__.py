"""The package with other compilers, Pythons and machines: ``python -m tools.compilers --help``."""
