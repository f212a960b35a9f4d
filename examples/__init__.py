"""A small MMS server, client and collector, built on mmscodec's public codec."""
