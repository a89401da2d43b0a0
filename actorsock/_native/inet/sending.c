/* Sending, and waiting for it: what the twins of `gen_tcp.send` and `gen_udp.send` return.

   These are coroutine functions. A `Sending` is awaited in the same way, and like a coroutine does nothing
   before. A light process sends at once; in a task a coroutine of trio (`inner`) honours a cancellation
   first. If a process has to give way or to wait, a coroutine of the Python does the rest: that of the
   function itself as long as nothing has been charged, else the one that waits.  */

#include "sending.h"
#include "../sockets/asking.h"

typedef enum {
    CALLED,    /* not awaited yet */
    CHECKING,  /* a task asks trio whether it is cancelled */
    STARTED,   /* it sends, without a coroutine */
    PASSED_ON, /* a coroutine of the Python does the rest */
    DONE,
} Phase;

typedef struct {
    PyObject_HEAD
    State *state;
    const Transport *transport;
    Twin *function;  /* that was called; NULL once its Python goes on */
    PyObject *actor; /* when CALLED: the socket */
    PyObject *given;
    PyObject *process; /* NULL when CALLED */
    PyObject *inner;   /* the coroutine that is awaited, or NULL */
    Phase phase;
    int running; /* it takes a step, and the program must not step it meanwhile */
} Sending;

static int
sending_traverse(PyObject *op, visitproc visit, void *arg)
{
    Sending *self = (Sending *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->function);
    Py_VISIT(self->actor);
    Py_VISIT(self->given);
    Py_VISIT(self->process);
    Py_VISIT(self->inner);
    return 0;
}

static int
sending_clear(PyObject *op)
{
    Sending *self = (Sending *)op;
    self->phase = DONE;
    Py_CLEAR(self->function);
    Py_CLEAR(self->actor);
    Py_CLEAR(self->given);
    Py_CLEAR(self->process);
    Py_CLEAR(self->inner);
    return 0;
}

static void
sending_finalize(PyObject *op)
{
    Sending *self = (Sending *)op;
    if (self->phase == CALLED) {
        warn_not_awaited(op, self->function);
    }
}

static void
sending_dealloc(PyObject *op)
{
    Sending *self = (Sending *)op;
    if (self->phase == CALLED && PyObject_CallFinalizerFromDealloc(op) < 0) {
        return;
    }
    PyObject_GC_UnTrack(op);
    if (self->phase != DONE) { /* else it refers to nothing any more */
        (void)sending_clear(op);
    }
    free_awaitable(op, &self->state->spare_sending);
}

PyObject *
new_sending(Twin *function, const Transport *transport, PyObject *sock, PyObject *given)
{
    State *state = function->state;
    PyObject *made = new_awaitable(state->sending_type, &state->spare_sending);
    if (made != NULL) {
        Sending *self = (Sending *)made;
        self->state = state;
        self->transport = transport;
        self->function = (Twin *)Py_NewRef((PyObject *)function);
        self->actor = Py_NewRef(sock);
        self->given = Py_NewRef(given);
        self->phase = CALLED;
        self->running = 0;
    }
    return made;
}

/* --- its steps ---------------------------------------------------------------------------------- */

/* Go on with `rest`, a coroutine of the Python whose reference is taken over.  */
static PySendResult
go_on_with(Sending *self, PyObject *rest, PyObject **result)
{
    if (rest == NULL) {
        return PYGEN_ERROR;
    }
    Py_XSETREF(self->inner, rest);
    self->phase = PASSED_ON;
    return send_into(self->inner, Py_None, result);
}

/* The call is not plain: call the Python function.  */
static PySendResult
call_python(Sending *self, PyObject **result)
{
    PyObject *args[MOST_ARGUMENTS] = {self->actor, self->given};
    size_t number = 2;
    if (PyTuple_CheckExact(self->given)) {
        for (number = 1; (Py_ssize_t)number <= PyTuple_GET_SIZE(self->given); number++) {
            args[number] = PyTuple_GET_ITEM(self->given, number - 1);
        }
    }
    Twin *function = self->function;
    self->function = NULL;
    PyObject *rest = PyObject_Vectorcall(function->fallback, args, number, NULL);
    Py_DECREF(function);
    return go_on_with(self, rest, result);
}

/* Send what the process has paid for.  */
static PySendResult
send_now(Sending *self, PyObject **result)
{
    State *state = self->state;
    const Transport *transport = self->transport;
    self->phase = STARTED;
    int done = transport->attempt(state, self->actor, self->given, result);
    if (done == 0) {
        *result = transport->try_in_python(state, self->actor, self->given);
        if (*result == Py_None) {
            Py_CLEAR(*result);
            return go_on_with(
                self, transport->wait_in_python(state, self->process, self->actor, self->given),
                result);
        }
    }
    return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* The first step.  */
static PySendResult
begin(Sending *self, PyObject **result)
{
    State *state = self->state;
    PyObject *actor = SLOT(self->actor, state->socket__actor);
    if (!self->transport->is_plain(state, actor)) {
        return call_python(self, result);
    }
    PyObject *process = calling_process(state);
    if (process == NULL) {
        return PYGEN_ERROR;
    }
    actor = SLOT(self->actor, state->socket__actor); /* the look-up may have run Python code */
    PyObject *body = is_process(state, process) ? SLOT(process, state->process_body) : NULL;
    int in_task = is_exactly(body, state->task_type)
                  && SLOT(process, state->process_ending) == Py_False && can_pay(state, body);
    if (!self->transport->is_plain(state, actor)
        || (!in_task && payer_of(state, process) == NULL)) {
        Py_DECREF(process);
        return call_python(self, result);
    }
    self->process = process;
    pay(state, body);
    Py_SETREF(self->actor, Py_NewRef(actor));
    if (!in_task) {
        return send_now(self, result);
    }
    self->phase = CHECKING;
    self->inner = PyObject_CallNoArgs(state->checkpoint_if_cancelled);
    return self->inner == NULL ? PYGEN_ERROR : send_into(self->inner, Py_None, result);
}

/* Take the result of a step.  */
static PySendResult
after_step(Sending *self, PySendResult outcome, PyObject **result)
{
    if (outcome == PYGEN_RETURN && self->phase == CHECKING) {
        Py_CLEAR(*result);
        Py_CLEAR(self->inner);
        outcome = send_now(self, result);
    }
    if (outcome == PYGEN_RETURN) {
        (void)sending_clear((PyObject *)self);
    }
    else if (outcome == PYGEN_ERROR) {
        if (self->function != NULL && !PyErr_ExceptionMatches(PyExc_StopIteration)) {
            add_to_traceback(self->function);
        }
        PyObject *type, *exc, *traceback;
        PyErr_Fetch(&type, &exc, &traceback);
        (void)sending_clear((PyObject *)self);
        PyErr_Restore(type, exc, traceback);
    }
    return outcome;
}

/* Begin to step it, as long as it holds itself: 0, or -1 with the error of a coroutine if it runs.  */
static int
begin_step(Sending *self)
{
    if (self->running) {
        raise_executing();
        return -1;
    }
    self->running = 1;
    Py_INCREF(self);
    return 0;
}

static void
end_step(Sending *self)
{
    self->running = 0;
    Py_DECREF(self);
}

static PySendResult
sending_send(PyObject *op, PyObject *value, PyObject **result)
{
    Sending *self = (Sending *)op;
    *result = NULL;
    if (begin_step(self) < 0) {
        return PYGEN_ERROR;
    }
    PySendResult outcome = PYGEN_ERROR;
    if (self->phase == DONE) {
        raise_used();
    }
    else {
        outcome = self->phase == CALLED ? begin(self, result) : send_into(self->inner, value, result);
        outcome = after_step(self, outcome, result);
    }
    end_step(self);
    return outcome;
}

static PyObject *
sending_begin_await(PyObject *op)
{
    Phase phase = ((Sending *)op)->phase;
    return await_once(op, phase != CALLED && phase != DONE);
}

/* An exception is thrown into the awaiting coroutine.  */
static PyObject *
sending_throw(PyObject *op, PyObject *args)
{
    Sending *self = (Sending *)op;
    PyObject *type, *exc = NULL, *traceback = NULL, *result = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &exc, &traceback) || begin_step(self) < 0) {
        return NULL;
    }
    PySendResult outcome = PYGEN_ERROR;
    if (self->inner == NULL) {
        self->phase = DONE;
        raise_thrown(type, exc);
    }
    else {
        result = throw_into(self->state, self->inner, args);
        if (result != NULL) {
            outcome = PYGEN_NEXT;
        }
        else if (self->phase == CHECKING && PyErr_ExceptionMatches(PyExc_StopIteration)) {
            PyErr_Clear(); /* trio has caught it */
            outcome = PYGEN_RETURN;
        }
    }
    if (after_step(self, outcome, &result) == PYGEN_RETURN) {
        stop_with(&result);
    }
    end_step(self);
    return result;
}

/* The awaiting coroutine is closed.  */
static PyObject *
sending_close(PyObject *op, PyObject *unused)
{
    Sending *self = (Sending *)op;
    if (begin_step(self) < 0) {
        return NULL;
    }
    int done = self->inner == NULL ? 0 : close_inner(self->state, self->inner);
    (void)sending_clear(op);
    end_step(self);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* --- what it shows ------------------------------------------------------------------------------ */

/* Whether a frame of the Python function is shown: while the call is under way.  */
static int
has_frame(Sending *self)
{
    return self->function != NULL && self->phase != CALLED;
}

static PyObject *
get_frame(PyObject *op, void *closure)
{
    Sending *self = (Sending *)op;
    return has_frame(self) ? (PyObject *)frame_of(self->function)
                           : shown_of(self->inner, self->state->str_cr_frame);
}

static PyObject *
get_await(PyObject *op, void *closure)
{
    Sending *self = (Sending *)op;
    if (has_frame(self)) {
        return Py_NewRef(self->inner == NULL ? Py_None : self->inner);
    }
    return shown_of(self->inner, self->state->str_cr_await);
}

static PyGetSetDef sending_getset[] = {
    {"cr_await", get_await, NULL, NULL, NULL},
    {"cr_frame", get_frame, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef sending_methods[] = {
    {"close", sending_close, METH_NOARGS, NULL},
    {"send", awaitable_send, METH_O, NULL},
    {"throw", sending_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot sending_slots[] = {
    {Py_am_await, sending_begin_await},
    {Py_am_send, sending_send},
    {Py_tp_clear, sending_clear},
    {Py_tp_dealloc, sending_dealloc},
    {Py_tp_finalize, sending_finalize},
    {Py_tp_getset, sending_getset},
    {Py_tp_iter, return_itself},
    {Py_tp_iternext, awaitable_next},
    {Py_tp_methods, sending_methods},
    {Py_tp_traverse, sending_traverse},
    {0, NULL},
};

PyType_Spec sending_spec = {
    .name = "actorsock._native._core.Sending",
    .basicsize = sizeof(Sending),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = sending_slots,
};
