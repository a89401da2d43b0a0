/* Turns of an idle handler, in place: part of the twins of `send` and `Process.deliver`.

   The Python puts the message into the mailbox, wakes the handler's body, and has the run queue take
   a step, which takes the message out again. Here the message goes straight to the handler, if it is
   idle and the run queue is too.  */

#include "../core.h"

/* Whether nothing is queued for `process`; the handler then waits for anything.  */
static int
is_idle(State *state, PyObject *process, PyObject *mailbox, PyObject *body)
{
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    PyObject *saved = SLOT(mailbox, state->mailbox_saved);
    PyObject *parked = SLOT(body, state->body_parked);
    return SLOT(mailbox, state->mailbox_wanted) == state->anything && saved == Py_None
           && (arrivals == Py_None
               || (is_exactly(arrivals, state->deque_type) && Py_SIZE(arrivals) == 0))
           && parked != NULL && parked != Py_None
           && SLOT(body, state->handler__process) == process
           && SLOT(process, state->process_ending) == Py_False;
}

static int
queue_is_idle(State *state, PyObject *queue)
{
    PyObject *ready = SLOT(queue, state->run_queue__ready);
    return SLOT(queue, state->run_queue__running) == Py_False
           && is_exactly(ready, state->deque_type) && Py_SIZE(ready) == 0;
}

/* What the turn has spent is taken from the budget of the queue: 0 or -1.  */
static int
charge_queue(State *state, PyObject *queue, long long spent)
{
    long left;
    if (spent == 0 || !slot_long(queue, state->run_queue_budget, &left)) {
        return 0;
    }
    PyObject *value = PyLong_FromLongLong(left - spent);
    if (value == NULL) {
        return -1;
    }
    slot_set(queue, state->run_queue_budget, value);
    return 0;
}

/* Call the program's function in its context: its result, or NULL.  */
static PyObject *
call_handler(State *state, PyObject *body, PyObject *message)
{
    PyObject *context = Py_XNewRef(SLOT(body, state->handler__context));
    PyObject *handler = Py_XNewRef(SLOT(body, state->handler__handler));
    PyObject *result = NULL;
    if (context == NULL || handler == NULL) {
        PyErr_SetString(PyExc_AttributeError, "a handler without context or function");
    }
    else if (PyContext_Enter(context) == 0) {
        /* By `_call`, the frame of which lets Ctrl-C in.  */
        PyObject *args[2] = {handler, message};
        result = PyObject_Vectorcall(state->call_handler, args, 2, NULL);
        if (leave_context(context) < 0) {
            Py_CLEAR(result);
        }
    }
    Py_XDECREF(handler);
    Py_XDECREF(context);
    return result;
}

/* After a message that was handled, with `result`, or that has raised, if that is NULL.  */
static int
go_on(State *state, PyObject *process, PyObject *mailbox, PyObject *body, PyObject *result)
{
    if (result == NULL) {
        PyObject *handled, *exc = begin_except(&handled);
        PyObject *done = PyObject_CallMethodObjArgs(body, state->str__crashed, process, exc, NULL);
        end_except(exc, handled);
        return done_with(done);
    }
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    if (result != state->again && SLOT(process, state->process_ending) == Py_False
        && SLOT(mailbox, state->mailbox_saved) == Py_None
        && (arrivals == Py_None
            || (is_exactly(arrivals, state->deque_type) && Py_SIZE(arrivals) == 0))) {
        slot_set(mailbox, state->mailbox_wanted, Py_NewRef(state->anything));
        slot_set(body, state->body_parked, Py_NewRef(Py_True));
        return 0;
    }
    return done_with(PyObject_CallMethodObjArgs(body, state->str__handled, process, result, NULL));
}

/* An exception of a step concerns the program.  */
static int
interrupt(State *state, PyObject *queue)
{
    PyObject *interrupt = Py_XNewRef(SLOT(queue, state->run_queue__interrupt));
    PyObject *handled, *exc = begin_except(&handled);
    int done = -1;
    if (interrupt != NULL) {
        done = done_with(PyObject_CallOneArg(interrupt, exc));
    }
    end_except(exc, handled);
    Py_XDECREF(interrupt);
    return done;
}

/* The step, of which all has been checked. The caller holds the objects.  */
static int
take_step(State *state, PyObject *process, PyObject *mailbox, PyObject *body, PyObject *step,
          PyObject *queue, PyObject *message)
{
    BUDGET(body) -= 1;
    FLOOR(body) = BUDGET(body) - state->handler_full;
    slot_set(mailbox, state->mailbox_wanted, Py_NewRef(Py_None));
    slot_set(body, state->body_parked, Py_NewRef(Py_None));
    slot_set(queue, state->run_queue__running, Py_NewRef(Py_True));
    PyObject *before = SLOT(step, state->step_process); /* the reference moves */
    SLOT(step, state->step_process) = Py_NewRef(process);
    PyObject *result = call_handler(state, body, message);
    int failed = go_on(state, process, mailbox, body, result) < 0;
    Py_XDECREF(result);
    if (failed) {
        failed = interrupt(state, queue) < 0;
    }
    PyObject *type = NULL, *exc = NULL, *traceback = NULL;
    if (failed) {
        PyErr_Fetch(&type, &exc, &traceback);
    }
    slot_set(step, state->step_process, before);
    if (charge_queue(state, queue, state->handler_full - (BUDGET(body) - FLOOR(body))) < 0) {
        PyErr_Clear(); /* a quantum that is a little longer */
    }
    slot_set(queue, state->run_queue__running, Py_NewRef(Py_False));
    if (failed) {
        PyErr_Restore(type, exc, traceback);
        return -1;
    }
    PyObject *ready = SLOT(queue, state->run_queue__ready);
    if (is_exactly(ready, state->deque_type) && Py_SIZE(ready) > 0) {
        return done_with(PyObject_CallMethodNoArgs(queue, state->str__run_ready)) < 0 ? -1 : 1;
    }
    return 1;
}

int
handle_plainly(State *state, PyObject *process, PyObject *message)
{
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    PyObject *body = SLOT(process, state->process_body);
    PyObject *node = SLOT(process, state->process_node);
    PyObject *queue = SLOT(node, state->node_run_queue);
    PyObject *step = SLOT(body, state->handler__step);
    if (!is_exactly(queue, state->run_queue_type) || !is_exactly(step, state->step_type)
        || !queue_is_idle(state, queue) || !is_idle(state, process, mailbox, body)
        || !has_stack()) {
        return 0;
    }
    Py_INCREF(mailbox);
    Py_INCREF(body);
    Py_INCREF(queue);
    Py_INCREF(step);
    int done = take_step(state, process, mailbox, body, step, queue, message);
    Py_DECREF(step);
    Py_DECREF(queue);
    Py_DECREF(body);
    Py_DECREF(mailbox);
    return done;
}
