"""Small faults put into the kernels one at a time: which of them do the tests notice?"""
