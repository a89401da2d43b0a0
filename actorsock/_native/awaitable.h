/* What the awaitables of the core share: C objects that a program awaits as it would the coroutine of the
   Python function that they stand for, the function of a twin.  */

#ifndef ACTORSOCK_AWAITABLE_H
#define ACTORSOCK_AWAITABLE_H

#include "core.h"

/* Memory for one of `type`, which is in `*spare` if one was kept; a new reference whose fields are to
   be filled.  */
PyObject *new_awaitable(PyObject *type, PyObject **spare);

/* The other end: keep the memory of `op`, whose fields are cleared, or free it.  */
void free_awaitable(PyObject *op, PyObject **spare);

/* Free what was kept.  */
void free_spare(PyObject **spare);

/* Warn, as Python does, of a call of `function` that nobody has awaited.  */
void warn_not_awaited(PyObject *op, Twin *function);

/* A frame of the Python function, which there would be without the twin, to show where the process is;
   NULL with an exception.  */
PyFrameObject *frame_of(Twin *function);

/* Add that frame to the traceback of the exception that is set.  */
void add_to_traceback(Twin *function);

/* `send` and `__next__` of each of them: a step, of which the end is a StopIteration. The interpreter calls
   these when it is traced, else the slot `am_send`.  */
PyObject *awaitable_send(PyObject *op, PyObject *value);
PyObject *awaitable_next(PyObject *op);

/* `await`, of one caller only, as with a coroutine.  */
PyObject *await_once(PyObject *op, int is_awaited);

/* The attribute `name` of `inner`, the coroutine that is awaited, or NULL. Debuggers and trio ask for such
   attributes to show where a coroutine waits.  */
PyObject *shown_of(PyObject *inner, PyObject *name);

/* Raise what a coroutine raises that is stepped again after its end, or while it runs.  */
void raise_used(void);
void raise_executing(void);

/* Raise what the arguments of `throw` say.  */
void raise_thrown(PyObject *type, PyObject *exc);

/* Send `value` into `inner`, the coroutine that is awaited.  */
PySendResult send_into(PyObject *inner, PyObject *value, PyObject **result);

/* Call `throw` and `close` of `inner`.  */
PyObject *throw_into(State *state, PyObject *inner, PyObject *args);
int close_inner(State *state, PyObject *inner);

#endif
