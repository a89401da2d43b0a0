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
static inline Kind
kind_of_recv(State *state)
{
    return (Kind){1, 1, state->str_recv, state->str_recv};
}

static inline Kind
kind_of_send(State *state)
{
    return (Kind){0, 1, state->str_send, state->str_send};
}

/* Whether nobody waits behind the current user.  */
static inline int
has_no_queue(State *state, PyObject *lane)
{
    PyObject *queue = SLOT(lane, state->lane_queue);
    return queue != NULL && (PyTuple_CheckExact(queue) || is_exactly(queue, state->deque_type))
           && Py_SIZE(queue) == 0;
}

/* The lane of an open socket; borrowed, NULL without an exception otherwise.  */
static inline PyObject *
open_lane(State *state, PyObject *actor, const Kind *kind)
{
    if (!is_exactly(actor, state->actor_type)) {
        return NULL;
    }
    PyObject *turns = SLOT(actor, state->actor_turns);
    if (!is_exactly(turns, state->turns_type) || SLOT(turns, state->turns_closed) != Py_False) {
        return NULL;
    }
    PyObject *lane = SLOT(turns, kind->reads ? state->turns_read : state->turns_write);
    return is_exactly(lane, state->lane_type) && has_no_queue(state, lane) ? lane : NULL;
}

/* SocketActor.observe(op, pid, result): 0 or -1. `result` is None for a caller that waits; `op` may be bytes
   to send. It does nothing if the socket is not observed.  */
int observe(State *state, PyObject *actor, PyObject *op, PyObject *pid, PyObject *result);

static inline int
is_unobserved(State *state, PyObject *actor)
{
    return SLOT(actor, state->actor_observed) == Py_False;
}

/* User(pid, activity, handle, tag, op, process); a new reference.  */
PyObject *new_user(State *state, PyObject *pid, const Kind *kind, PyObject *handle, PyObject *op,
                   PyObject *process);

/* Make the process the current user of the lane, watched by the poller: 0 or -1.  */
int join_lane(State *state, PyObject *actor, PyObject *op, PyObject *lane, PyObject *process,
              const Kind *kind);

/* Readiness.reads_would_block() */
static inline int
reads_would_block(State *state, PyObject *actor)
{
    PyObject *unread = SLOT(actor, state->actor_unread);
    return SLOT(actor, state->actor_read_would_block) == Py_True && unread != NULL
           && PyBytes_CheckExact(unread) && PyBytes_GET_SIZE(unread) == 0
           && SLOT(actor, state->actor_has_low_water_mark) == Py_False;
}

/* Lane.done() of a lane without a queue.  */
void end_turn(State *state, PyObject *lane);

/* Whether `body` can pay for a system call, and the payment.  */
static inline int
can_pay(State *state, PyObject *body)
{
    return BUDGET(body) - FLOOR(body) > state->system_call;
}

static inline void
pay(State *state, PyObject *body)
{
    BUDGET(body) -= state->system_call;
}

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
static inline PyObject *
actor_of(State *state, PyObject *sock)
{
    return is_exactly(sock, state->socket_type) ? SLOT(sock, state->socket__actor) : NULL;
}

#endif
