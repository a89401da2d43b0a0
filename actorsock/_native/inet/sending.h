/* What sends on streams and of datagrams share.

   The system calls are made without giving up the global lock, as in `sockets.c`.  */

#ifndef ACTORSOCK_SENDING_H
#define ACTORSOCK_SENDING_H

#include "../sockets/asking.h"

#include <errno.h>

#ifndef MS_WINDOWS
#include <sys/socket.h>
#endif

#ifndef MSG_DONTWAIT
#define MSG_DONTWAIT 0
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

/* More is left to the Python.  */
#define LARGEST_SEND 65536

/* The body of a light process that need not give way before a system call; borrowed, or NULL without
   an exception.  */
static inline PyObject *
payer_of(State *state, PyObject *process)
{
    PyObject *body = is_process(state, process) ? SLOT(process, state->process_body) : NULL;
    return is_exactly(body, state->light_type) && SLOT(body, state->light_stopped) == Py_False
                   && can_pay(state, body)
               ? body
               : NULL;
}

#endif
