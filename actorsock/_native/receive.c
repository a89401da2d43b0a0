/* Receiving the next message, whatever it is: the twin of `_next_message`.

   The Python is a coroutine. In a light process the twin returns a `NextMessage` instead, which is
   awaited in the same way: it ends at once with a message that is there, or yields to the runtime
   once and ends with the message that has woken the process.  */

#include "core.h"

typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *process; /* NULL once it has ended */
    int waiting;
} NextMessage;

static int
next_message_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((NextMessage *)op)->process);
    return 0;
}

/* The process does not wait any more.  */
static void
stop_waiting(NextMessage *self)
{
    if (self->waiting && self->process != NULL) {
        PyObject *mailbox = SLOT(self->process, self->state->process_mailbox);
        slot_set(mailbox, self->state->mailbox_wanted, Py_NewRef(Py_None));
    }
    self->waiting = 0;
}

static int
next_message_clear(PyObject *op)
{
    Py_CLEAR(((NextMessage *)op)->process);
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

/* Whether `pop_arrival` would find a message.  */
static int
has_arrival(State *state, PyObject *mailbox)
{
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    return Py_IS_TYPE(arrivals, (PyTypeObject *)state->deque_type) && Py_SIZE(arrivals) > 0;
}

static PySendResult
ended(NextMessage *self, PyObject *message, PyObject **result)
{
    Py_CLEAR(self->process);
    *result = message;
    return message == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PySendResult
next_message_send(PyObject *op, PyObject *value, PyObject **result)
{
    NextMessage *self = (NextMessage *)op;
    State *state = self->state;
    PyObject *process = self->process;
    if (process == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this receive has been awaited already");
        *result = NULL;
        return PYGEN_ERROR;
    }
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    PyObject *body = SLOT(process, state->process_body);
    if (!self->waiting) {
        if (!has_arrival(state, mailbox)) {
            slot_set(mailbox, state->mailbox_wanted, Py_NewRef(state->anything));
            slot_set(body, state->body_parked, Py_NewRef(Py_True));
            self->waiting = 1;
            *result = Py_NewRef(state->pause);
            return PYGEN_NEXT;
        }
        PyObject *budget = PyLong_FromLong(PyLong_AsLong(SLOT(body, state->body_budget)) - 1);
        if (budget == NULL) {
            return ended(self, NULL, result);
        }
        slot_set(body, state->body_budget, budget);
    }
    else if (SLOT(process, state->process_ending) != Py_False) {
        PyObject *checked = PyObject_CallMethodNoArgs(body, state->str_check);
        if (checked == NULL) {
            stop_waiting(self);
            return ended(self, NULL, result);
        }
        Py_DECREF(checked);
    }
    self->waiting = 0;
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    return ended(self, PyObject_Vectorcall(state->popleft, &arrivals, 1, NULL), result);
}

static PyObject *
next_message_next(PyObject *op)
{
    PyObject *result;
    if (next_message_send(op, Py_None, &result) == PYGEN_RETURN) {
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

/* The awaiting coroutine is closed.  */
static PyObject *
next_message_close(PyObject *op, PyObject *unused)
{
    stop_waiting((NextMessage *)op);
    Py_CLEAR(((NextMessage *)op)->process);
    Py_RETURN_NONE;
}

/* An exception is thrown into the awaiting coroutine.  */
static PyObject *
next_message_throw(PyObject *op, PyObject *args)
{
    PyObject *type, *exc = NULL, *traceback = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &exc, &traceback)) {
        return NULL;
    }
    stop_waiting((NextMessage *)op);
    Py_CLEAR(((NextMessage *)op)->process);
    if (PyExceptionInstance_Check(type)) {
        PyErr_SetObject(PyExceptionInstance_Class(type), type);
    }
    else {
        PyErr_SetObject(type, exc);
    }
    return NULL;
}

static PyMethodDef next_message_methods[] = {
    {"close", next_message_close, METH_NOARGS, NULL},
    {"throw", next_message_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
next_message_self(PyObject *op)
{
    return Py_NewRef(op);
}

static PyType_Slot next_message_slots[] = {
    {Py_am_await, next_message_self},
    {Py_am_send, next_message_send},
    {Py_tp_clear, next_message_clear},
    {Py_tp_dealloc, next_message_dealloc},
    {Py_tp_iter, next_message_self},
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

/* _next_message() */
static PyObject *
next_message(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (!state->ready && state_prepare(state) < 0) {
        return NULL;
    }
    PyObject *process = stepped_process(state);
    if (process == NULL) {
        return PyErr_Occurred() ? NULL : twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    PyObject *body = SLOT(process, state->process_body);
    PyObject *saved;
    if (!Py_IS_TYPE(body, (PyTypeObject *)state->light_type)
        || !Py_IS_TYPE(mailbox, (PyTypeObject *)state->mailbox_type)
        || SLOT(process, state->process_ending) != Py_False
        || PyLong_AsLong(SLOT(body, state->body_budget)) <= 1
        || ((saved = SLOT(mailbox, state->mailbox_saved)) != Py_None && PyObject_Size(saved) != 0)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyTypeObject *type = (PyTypeObject *)state->next_message_type;
    NextMessage *awaitable = (NextMessage *)type->tp_alloc(type, 0);
    if (awaitable == NULL) {
        return NULL;
    }
    awaitable->state = state;
    awaitable->process = Py_NewRef(process);
    awaitable->waiting = 0;
    return (PyObject *)awaitable;
}

/* current_process() */
static PyObject *
current_process(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (!self->state->ready && state_prepare(self->state) < 0) {
        return NULL;
    }
    PyObject *process = stepped_process(self->state);
    if (process != NULL) {
        return Py_NewRef(process);
    }
    return PyErr_Occurred() ? NULL : twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry RECEIVE_TWINS[] = {
    {"current_process", current_process},
    {"_next_message", next_message},
    {NULL, NULL},
};
