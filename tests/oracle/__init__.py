"""Plain codecs, driven by the schema: what kernels are compared with."""
