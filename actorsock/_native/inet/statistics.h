/* The numbers of `Statistics`, as integers of C.  */

#ifndef ACTORSOCK_STATISTICS_H
#define ACTORSOCK_STATISTICS_H

#include "../core.h"

#define PACKET_NUMBERS(X)                                                                         \
    X(recv_cnt)                                                                                   \
    X(recv_max)                                                                                   \
    X(recv_oct)                                                                                   \
    X(send_cnt)                                                                                   \
    X(send_max)                                                                                   \
    X(send_oct)

/* An instance of `PacketNumbers`, from which `Statistics` is derived. At ten gigabytes a second, 63 bits are
   full after thirty years.  */
typedef struct {
    PyObject_HEAD
#define DECLARE(name) long long name;
    PACKET_NUMBERS(DECLARE)
#undef DECLARE
    double deviations;
} PacketNumbers;

/* Statistics.received(size)  */
static inline void
count_received(PyObject *statistics, Py_ssize_t size)
{
    PacketNumbers *self = (PacketNumbers *)statistics;
    self->recv_oct += size;
    self->recv_cnt += 1;
    if (size > self->recv_max) {
        self->recv_max = size;
    }
    self->deviations += (double)size - (double)self->recv_oct / (double)self->recv_cnt;
}

/* Statistics.sent(size)  */
static inline void
count_sent(PyObject *statistics, Py_ssize_t size)
{
    PacketNumbers *self = (PacketNumbers *)statistics;
    self->send_oct += size;
    self->send_cnt += 1;
    if (size > self->send_max) {
        self->send_max = size;
    }
}

#endif
