/* Calls of `gen_tcp.send` and `gen_udp.send`, which differ in what they send and how.  */

#ifndef ACTORSOCK_SENDING_H
#define ACTORSOCK_SENDING_H

#include "../awaitable.h"

/* As many as the longest plain call has: gen_udp.send(sock, host, port, data).  */
#define MOST_ARGUMENTS 4

PySendResult sending_begin(Awaitable *op, PyObject **result);
PySendResult sending_go_on(Awaitable *op, PyObject *value, PyObject **result);

#define SENDING_STEPS                                                                             \
    {sending_begin, sending_go_on, NULL, offsetof(State, sending_type),                           \
     offsetof(State, spare_sending)}

typedef struct {
    Steps steps; /* SENDING_STEPS */
    /* Whether `actor`, which may be NULL, is one that the core knows.  */
    int (*is_plain)(State *state, PyObject *actor);
    /* Send what is `given`: 1; 0 if that is not plain, and nothing has changed; -1.  */
    int (*attempt)(State *state, PyObject *actor, PyObject *given, PyObject **result);
    /* The same by the Python, for which everything is plain; None if it can't be done at once.  */
    PyObject *(*try_in_python)(State *state, PyObject *actor, PyObject *given);
    /* The coroutine of the Python that does it then.  */
    PyObject *(*wait_in_python)(State *state, PyObject *process, PyObject *actor, PyObject *given);
} Transport;

/* send(sock, given), or send(sock, *given) if it is a tuple, to be awaited; a new reference. The twin
   `function` was called.  */
PyObject *new_sending(Twin *function, const Transport *transport, PyObject *sock, PyObject *given);

#endif
