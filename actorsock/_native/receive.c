/* Receiving the next message, whatever it is: the twin of `_next_message`.

   The Python is a coroutine. The twin returns a `NextMessage` instead, which is awaited in the same
   way: it ends at once with a message that is there, or yields to the runtime once and ends with the
   message that has woken the process. In a task it only waits, in trio's way: it passes on what
   trio's coroutine yields (`inner`), and shows the frames of that.  */

#include "core.h"

typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *process; /* NULL once it has ended */
    PyObject *inner;   /* of a task */
    int waiting;
} NextMessage;

static int
next_message_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((NextMessage *)op)->process);
    Py_VISIT(((NextMessage *)op)->inner);
    return 0;
}

/* The process does not wait any more.  */
static void
stop_waiting(NextMessage *self)
{
    if (self->waiting && self->process != NULL) {
        PyObject *mailbox = SLOT(self->process, self->state->process_mailbox);
        if (is_exactly(mailbox, self->state->mailbox_type)) {
            slot_set(mailbox, self->state->mailbox_wanted, Py_NewRef(Py_None));
        }
    }
    self->waiting = 0;
}

static int
next_message_clear(PyObject *op)
{
    Py_CLEAR(((NextMessage *)op)->process);
    Py_CLEAR(((NextMessage *)op)->inner);
    return 0;
}

static void
next_message_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    stop_waiting((NextMessage *)op);
    (void)next_message_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

/* The receive ends with `message`, or with an exception if that is NULL.  */
static PySendResult
ended(NextMessage *self, PyObject *message, PyObject **result)
{
    self->waiting = 0;
    Py_CLEAR(self->process);
    Py_CLEAR(self->inner);
    *result = message;
    return message == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* Take the oldest arrival; there is one.  */
static PyObject *
pop_arrival(State *state, PyObject *mailbox)
{
    PyObject *arrivals = Py_XNewRef(SLOT(mailbox, state->mailbox_arrivals));
    if (!is_exactly(arrivals, state->deque_type)) { /* the process has ended meanwhile */
        Py_XDECREF(arrivals);
        PyErr_SetString(PyExc_IndexError, "receive: the mailbox is gone");
        return NULL;
    }
    PyObject *message = pop_from_left(state, arrivals);
    Py_DECREF(arrivals);
    return message;
}

/* The first step: take what is there, or begin to wait.  */
static PySendResult
begin_receive(NextMessage *self, PyObject *mailbox, PyObject *body, PyObject **result)
{
    State *state = self->state;
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    if (!is_exactly(arrivals, state->deque_type) || Py_SIZE(arrivals) == 0) {
        slot_set(mailbox, state->mailbox_wanted, Py_NewRef(state->anything));
        slot_set(body, state->body_parked, Py_NewRef(Py_True));
        self->waiting = 1;
        *result = Py_NewRef(state->pause);
        return PYGEN_NEXT;
    }
    BUDGET(body) -= 1;
    return ended(self, pop_arrival(state, mailbox), result);
}

/* The process has been woken.  */
static PySendResult
end_receive(NextMessage *self, PyObject *mailbox, PyObject *body, PyObject **result)
{
    State *state = self->state;
    if (SLOT(self->process, state->process_ending) != Py_False
        && done_with(PyObject_CallMethodNoArgs(body, state->str_check)) < 0) {
        stop_waiting(self);
        return ended(self, NULL, result);
    }
    return ended(self, pop_arrival(state, mailbox), result);
}

/* The wait of a task has ended, or goes on.  */
static PySendResult
after_inner(NextMessage *self, PySendResult outcome, PyObject *yielded, PyObject **result)
{
    State *state = self->state;
    *result = NULL;
    if (outcome == PYGEN_NEXT) {
        *result = yielded;
        return PYGEN_NEXT;
    }
    Py_XDECREF(yielded);
    if (outcome == PYGEN_ERROR) {
        PyObject *type, *exc, *traceback;
        PyErr_Fetch(&type, &exc, &traceback);
        stop_waiting(self);
        PyErr_Restore(type, exc, traceback);
        return ended(self, NULL, result);
    }
    PyObject *mailbox = Py_XNewRef(SLOT(self->process, state->process_mailbox));
    PyObject *body = Py_XNewRef(SLOT(self->process, state->process_body));
    PySendResult end = PYGEN_ERROR;
    if (body != NULL && is_exactly(mailbox, state->mailbox_type)) {
        end = end_receive(self, mailbox, body, result);
    }
    else {
        PyErr_SetString(PyExc_TypeError, "receive: the process has changed its body or mailbox");
    }
    Py_XDECREF(body);
    Py_XDECREF(mailbox);
    return end;
}

static PySendResult
send_to_inner(NextMessage *self, PyObject *value, PyObject **result)
{
    PyObject *inner = Py_NewRef(self->inner), *yielded = NULL;
    PySendResult outcome = PyIter_Send(inner, value, &yielded);
    Py_DECREF(inner);
    return after_inner(self, outcome, yielded, result);
}

static PySendResult
next_message_send(PyObject *op, PyObject *value, PyObject **result)
{
    NextMessage *self = (NextMessage *)op;
    *result = NULL;
    if (self->process == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
    State *state = self->state;
    if (self->inner != NULL) {
        return send_to_inner(self, value, result);
    }
    PyObject *mailbox = Py_XNewRef(SLOT(self->process, state->process_mailbox));
    PyObject *body = Py_XNewRef(SLOT(self->process, state->process_body));
    PySendResult outcome = PYGEN_ERROR;
    if (!is_exactly(mailbox, state->mailbox_type) || !is_exactly(body, state->light_type)) {
        PyErr_SetString(PyExc_TypeError, "receive: the process has changed its body or mailbox");
    }
    else if (self->waiting) {
        outcome = end_receive(self, mailbox, body, result);
    }
    else {
        outcome = begin_receive(self, mailbox, body, result);
    }
    Py_XDECREF(body);
    Py_XDECREF(mailbox);
    return outcome;
}

/* `send` of a coroutine, which the interpreter calls when it is traced.  */
static PyObject *
next_message_send_method(PyObject *op, PyObject *value)
{
    PyObject *result;
    if (next_message_send(op, value, &result) == PYGEN_RETURN) {
        /* Not `PyErr_SetObject(StopIteration, result)`, which takes a tuple for arguments.  */
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
        if (stop != NULL) {
            PyErr_SetObject(PyExc_StopIteration, stop);
            Py_DECREF(stop);
        }
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
next_message_next(PyObject *op)
{
    return next_message_send_method(op, Py_None);
}

/* The awaiting coroutine is closed.  */
static PyObject *
next_message_close(PyObject *op, PyObject *unused)
{
    NextMessage *self = (NextMessage *)op;
    int done = 0;
    stop_waiting(self);
    if (self->inner != NULL) {
        PyObject *inner = Py_NewRef(self->inner);
        done = done_with(PyObject_CallMethodNoArgs(inner, self->state->str_close));
        Py_DECREF(inner);
    }
    (void)next_message_clear(op);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static void
raise_thrown(PyObject *type, PyObject *exc)
{
    if (PyExceptionInstance_Check(type)) {
        PyErr_SetObject(PyExceptionInstance_Class(type), type);
    }
    else {
        PyErr_SetObject(type, exc);
    }
}

/* An exception is thrown into the awaiting coroutine.  */
static PyObject *
next_message_throw(PyObject *op, PyObject *args)
{
    NextMessage *self = (NextMessage *)op;
    PyObject *type, *exc = NULL, *traceback = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &exc, &traceback)) {
        return NULL;
    }
    if (self->inner != NULL) {
        PyObject *inner = Py_NewRef(self->inner);
        PyObject *method = PyObject_GetAttr(inner, self->state->str_throw);
        PyObject *yielded = method == NULL ? NULL : PyObject_CallObject(method, args);
        Py_XDECREF(method);
        Py_DECREF(inner);
        if (yielded == NULL) {
            PyObject *error_type, *error, *error_traceback;
            PyErr_Fetch(&error_type, &error, &error_traceback);
            stop_waiting(self);
            (void)next_message_clear(op);
            PyErr_Restore(error_type, error, error_traceback);
        }
        return yielded;
    }
    stop_waiting(self);
    (void)next_message_clear(op);
    raise_thrown(type, exc);
    return NULL;
}

/* What is asked of a coroutine to show where it waits: that is `inner`.  */
static PyObject *
get_frame(PyObject *op, void *closure)
{
    NextMessage *self = (NextMessage *)op;
    if (self->inner == NULL) {
        PyErr_SetString(PyExc_AttributeError, "cr_frame");
        return NULL;
    }
    return PyObject_GetAttr(self->inner, self->state->str_cr_frame);
}

static PyObject *
get_await(PyObject *op, void *closure)
{
    NextMessage *self = (NextMessage *)op;
    if (self->inner == NULL) {
        PyErr_SetString(PyExc_AttributeError, "cr_await");
        return NULL;
    }
    return PyObject_GetAttr(self->inner, self->state->str_cr_await);
}

static PyGetSetDef next_message_getset[] = {
    {"cr_await", get_await, NULL, NULL, NULL},
    {"cr_frame", get_frame, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef next_message_methods[] = {
    {"close", next_message_close, METH_NOARGS, NULL},
    {"send", next_message_send_method, METH_O, NULL},
    {"throw", next_message_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot next_message_slots[] = {
    {Py_am_await, return_itself},
    {Py_am_send, next_message_send},
    {Py_tp_clear, next_message_clear},
    {Py_tp_dealloc, next_message_dealloc},
    {Py_tp_getset, next_message_getset},
    {Py_tp_iter, return_itself},
    {Py_tp_iternext, next_message_next},
    {Py_tp_methods, next_message_methods},
    {Py_tp_traverse, next_message_traverse},
    {0, NULL},
};

PyType_Spec next_message_spec = {
    .name = "actorsock._native._core.NextMessage",
    .basicsize = sizeof(NextMessage),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = next_message_slots,
};

/* Whether the twin serves `process`; what it finds holds until the process has run on.  */
static int
receives_plainly(State *state, PyObject *process)
{
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    PyObject *body = SLOT(process, state->process_body);
    if (!is_exactly(body, state->light_type) || !is_exactly(mailbox, state->mailbox_type)
        || SLOT(process, state->process_ending) != Py_False
        || BUDGET(body) - FLOOR(body) <= 1) {
        return 0;
    }
    PyObject *saved = SLOT(mailbox, state->mailbox_saved);
    return saved == Py_None || (PyODict_CheckExact(saved) && PyODict_SIZE(saved) == 0);
}

/* Whether the task of `process` will wait: there is no message.  */
static int
task_will_wait(State *state, PyObject *process)
{
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    if (!is_exactly(SLOT(process, state->process_body), state->task_type)
        || !is_exactly(mailbox, state->mailbox_type)
        || SLOT(process, state->process_ending) != Py_False) {
        return 0;
    }
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    return SLOT(mailbox, state->mailbox_saved) == Py_None
           && (arrivals == Py_None
               || (is_exactly(arrivals, state->deque_type) && Py_SIZE(arrivals) == 0));
}

/* Begin the wait of a task: 0 or -1.  */
static int
begin_in_task(State *state, NextMessage *self)
{
    PyObject *body = Py_NewRef(SLOT(self->process, state->process_body));
    PyObject *waiting = PyObject_GetAttr(body, state->str_waiting);
    if (waiting != NULL) {
        self->inner = waiting; /* trio's coroutine */
        slot_set(SLOT(self->process, state->process_mailbox), state->mailbox_wanted,
                 Py_NewRef(state->anything));
        slot_set(body, state->body_parked, Py_NewRef(Py_True));
        self->waiting = 1;
    }
    Py_DECREF(body);
    return waiting == NULL ? -1 : 0;
}

/* _next_message() */
static PyObject *
next_message(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    PyObject *process = stepped_process(state);
    int in_task = process == NULL && !PyErr_Occurred();
    if (in_task) {
        process = PyObject_CallNoArgs(state->process_of_task);
    }
    if (process == NULL) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 0 || kwnames != NULL
        || !is_exactly(process, state->process_type)
        || !(in_task ? task_will_wait(state, process) : receives_plainly(state, process))) {
        Py_DECREF(process);
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    NextMessage *awaitable = (NextMessage *)new_instance(state->next_message_type);
    if (awaitable == NULL) {
        Py_DECREF(process);
        return NULL;
    }
    awaitable->state = state;
    awaitable->process = process;
    awaitable->inner = NULL;
    awaitable->waiting = 0;
    if (in_task && begin_in_task(state, awaitable) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return (PyObject *)awaitable;
}

/* current_process() */
static PyObject *
current_process(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 0 || kwnames != NULL) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *process = stepped_process(state);
    if (process != NULL || PyErr_Occurred()) {
        return process;
    }
    return PyObject_CallNoArgs(state->process_of_task);
}

const TwinEntry RECEIVE_TWINS[] = {
    {"current_process", current_process},
    {"_next_message", next_message},
    {NULL, NULL},
};
