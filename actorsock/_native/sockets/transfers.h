/* What the system calls that receive and send have in common.

   They are made without giving up the global lock: they move 64 KiB at most and never block
   (MSG_DONTWAIT), also if another program has made the open file blocking.  */

#ifndef ACTORSOCK_TRANSFERS_H
#define ACTORSOCK_TRANSFERS_H

#include "asking.h"

#include <errno.h>
#include <string.h>

#ifndef MS_WINDOWS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#ifndef MSG_DONTWAIT
#define MSG_DONTWAIT 0
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

/* The most bytes that a twin moves: a transfer of more costs reductions, and is left to the
   Python.  */
#define LARGEST_TRANSFER 65536

/* The address of IPv4 whose host is four numbers in a str: 1, or 0 if it is not plain. Either of
   `host` and `port` may be NULL.  */
static inline int
read_address(PyObject *host, PyObject *port, struct sockaddr_in *address)
{
    int overflow;
    if (host == NULL || !PyUnicode_CheckExact(host) || !PyUnicode_IS_COMPACT_ASCII(host)
        || port == NULL || !PyLong_CheckExact(port)) {
        return 0;
    }
    long number = PyLong_AsLongAndOverflow(port, &overflow);
    if (overflow || number < 1 || number > 65535) {
        return 0;
    }
    const char *text = (const char *)PyUnicode_1BYTE_DATA(host);
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)number);
    /* A str may contain a NUL, where inet_pton would stop.  */
    return strlen(text) == (size_t)PyUnicode_GET_LENGTH(host)
           && inet_pton(AF_INET, text, &address->sin_addr) == 1;
}

#endif
