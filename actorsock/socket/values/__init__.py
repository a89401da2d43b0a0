"""Values that the kernel and a program exchange: records, and their codecs to and from bytes.

Options and control messages are made of them; neither is known here.
"""
