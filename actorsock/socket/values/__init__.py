"""Values that the kernel and a program exchange: records, and their codecs to and from bytes.

Everything here is pure: no module opens, reads or asks a socket. The options and the socket
functions are built on these values, and none of these modules imports them.
"""
