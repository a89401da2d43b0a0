/* What the active modes of streams and of datagrams share.  */

#ifndef ACTORSOCK_ACTIVE_H
#define ACTORSOCK_ACTIVE_H

#include "statistics.h"

/* What comes next: -1 an exception is set.  */
enum { LEFT_TO_PYTHON = 0, FINISHED = 1, GO_ON = 2 };

/* object.name(): FINISHED or -1.  */
int call_method(PyObject *object, PyObject *name);

/* --- steps of `deliver_arrived` ---------------------------------------------------------------- */

/* Make the message of what comes next, if `*message` is NULL: 0 or -1. Before anything is taken that
   could be lost; and before the actor is looked at, since a finalizer may run now and close it.  */
static inline int
prepare_message(PyObject *type, Kept *kept, PyObject **message)
{
    if (*message == NULL) {
        *message = new_kept(type, kept);
    }
    return *message == NULL ? -1 : 0;
}

/* Whether no recv has given anything back.  */
static inline int
nothing_is_kept(State *state, PyObject *actor)
{
    PyObject *unseen = SLOT(actor, state->receiver_unseen);
    return is_exactly(unseen, state->deque_type) && Py_SIZE(unseen) == 0;
}

/* ActiveMode.delivered(): 1 if a passive message is due, 0, or -1.  */
int count_down(State *state, PyObject *mode);

/* InetActor.deliver(message), and `tell_passive` if that is due: GO_ON or -1.  */
int deliver_to_owner(State *state, PyObject *actor, PyObject *message, int passive);

/* error_of(OSError(error)).reason; a new reference.  */
PyObject *reason_of(State *state, int error);

/* deliver_arrived(left), by the Python: FINISHED or -1.  */
int leave_to_python(State *state, PyObject *actor, long left);

/* --- the two kinds ----------------------------------------------------------------------------- */

/* Whether an actor of that type is in an active mode: 1 or 0; -1 without an exception if its mode is
   not plain.  */
int stream_reads(State *state, PyObject *actor);
int datagrams_are_read(State *state, PyObject *actor);

/* deliver_arrived(), of an actor that the caller holds: 1; 0 if it is not plain, and nothing has
   changed; -1.  */
int deliver_from_stream(State *state, PyObject *actor);
int deliver_datagrams(State *state, PyObject *actor);

/* on_ready(read, write, ended), of an actor of that type that the caller holds: 1, 0 or -1.  */
int report_to_stream(State *state, PyObject *actor, const Report *report);
int report_to_datagrams(State *state, PyObject *actor, const Report *report);

/* The mode of an actor of that type of which nothing is left to be delivered; borrowed, or NULL
   without an exception.  */
PyObject *mode_of_quiet_stream(State *state, PyObject *actor);
PyObject *mode_of_quiet_datagrams(State *state, PyObject *actor);

/* ReceivingActor.pump(), of an actor of either type that the caller holds: 1, 0 or -1.  */
int pump_plainly(State *state, PyObject *actor);

#endif
