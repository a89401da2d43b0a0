/* What a request to a socket is, for the ways in which a caller may wait for it.  */

#ifndef ACTORSOCK_ASKING_H
#define ACTORSOCK_ASKING_H

#include "../core.h"

typedef struct {
    int reads;           /* the lane, and the activity: "recv" or "send" */
    int continues;       /* the actor may make the further attempts: of a receive only on a stream */
    PyObject *activity;  /* borrowed from the state */
    PyObject *tag;
} Kind;

/* What `op` is, which may be bytes to send: 1, or 0 if the core does not know such operations.  */
int kind_of(State *state, PyObject *op, Kind *kind);

/* What a receive of what is there, or a send of bytes, is.  */
Kind kind_of_recv(State *state);
Kind kind_of_send(State *state);

/* Whether nobody waits behind the current user.  */
int has_no_queue(State *state, PyObject *lane);

/* The lane of an open socket; borrowed, NULL without an exception otherwise.  */
PyObject *open_lane(State *state, PyObject *actor, const Kind *kind);

/* SocketActor.observe(op, pid, result), if the socket is observed: 0 or -1. `result` is None for a caller
   that waits; `op` may be bytes to send.  */
int observe(State *state, PyObject *actor, PyObject *op, PyObject *pid, PyObject *result);

/* User(pid, activity, handle, tag, op, process); a new reference.  */
PyObject *new_user(State *state, PyObject *pid, const Kind *kind, PyObject *handle, PyObject *op,
                   PyObject *process);

/* Make the process the current user of the lane, watched by the poller: 0 or -1.  */
int join_lane(State *state, PyObject *actor, PyObject *op, PyObject *lane, PyObject *process,
              const Kind *kind);

/* Readiness.reads_would_block() */
int reads_would_block(State *state, PyObject *actor);

/* Lane.done() of a lane without a queue.  */
void end_turn(State *state, PyObject *lane);

/* Whether `body` can pay for a system call, and the payment.  */
int can_pay(State *state, PyObject *body);
void pay(State *state, PyObject *body);

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

/* The actor of `sock`; borrowed, NULL without an exception if that is no socket.  */
PyObject *actor_of(State *state, PyObject *sock);

#endif
