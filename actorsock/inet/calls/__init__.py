"""The functions that programs call: gen_tcp, gen_udp, and those of inet for both."""
