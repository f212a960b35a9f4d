"""Captures: files, packets, flows, and the tables of all that was on the wire."""
