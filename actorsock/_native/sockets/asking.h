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

/* What `op` is: 1, or 0 if the core does not know such operations.  */
int kind_of(State *state, PyObject *op, Kind *kind);

/* What a receive of what is there, or a send of bytes, is.  */
Kind kind_of_recv(State *state);
Kind kind_of_send(State *state);

/* The lane of an open socket that nobody looks at; borrowed, NULL without an exception otherwise.  */
PyObject *open_lane(State *state, PyObject *actor, const Kind *kind);

/* Lane.done() of a lane without a queue.  */
void end_turn(State *state, PyObject *lane);

/* Whether `body` can pay for a system call, and the payment.  */
int can_pay(State *state, PyObject *body);
void pay(State *state, PyObject *body);

/* The actor of `sock`; borrowed, NULL without an exception if that is no socket.  */
PyObject *actor_of(State *state, PyObject *sock);

/* Whether these are the defaults: a length of 0, no flags.  */
int is_zero(PyObject *length);
int is_empty(PyObject *flags);

#endif
