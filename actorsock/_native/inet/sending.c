/* Sending, and waiting for it: what the twins of `gen_tcp.send` and `gen_udp.send` return.

   These are coroutine functions. A `Sending` is awaited in the same way, and like a coroutine does nothing
   before. A light process sends at once; in a task a coroutine of trio (`inner`) honours a cancellation
   first. If a process has to give way or to wait, a coroutine of the Python does the rest: that of the
   function itself as long as nothing has been charged, else the one that waits.  */

#include "sending.h"
#include "../sockets/asking.h"

typedef struct {
    AWAITABLE_HEAD
    PyObject *actor; /* when CALLED: the socket */
    PyObject *given;
} Sending;

static const Transport *
transport_of(Sending *self)
{
    return (const Transport *)self->steps;
}

/* --- its steps ---------------------------------------------------------------------------------- */

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
    return go_on_in((Awaitable *)self,
                    PyObject_Vectorcall(self->function->fallback, args, number, NULL), IN_PYTHON,
                    result);
}

/* Send what the process has paid for.  */
static PySendResult
send_now(Sending *self, PyObject **result)
{
    State *state = self->function->state;
    const Transport *transport = transport_of(self);
    int done = transport->attempt(state, self->actor, self->given, result);
    if (done == 0) {
        *result = transport->try_in_python(state, self->actor, self->given);
        if (*result == Py_None) {
            Py_CLEAR(*result);
            return go_on_in(
                (Awaitable *)self,
                transport->wait_in_python(state, self->process, self->actor, self->given),
                PASSED_ON, result);
        }
    }
    return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

PySendResult
sending_begin(Awaitable *op, PyObject **result)
{
    Sending *self = (Sending *)op;
    State *state = self->function->state;
    PyObject *actor = SLOT(self->actor, state->socket__actor);
    if (!transport_of(self)->is_plain(state, actor)) {
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
    if (!transport_of(self)->is_plain(state, actor)
        || (!in_task && payer_of(state, process) == NULL)) {
        Py_DECREF(process);
        return call_python(self, result);
    }
    self->process = process;
    pay(state, body);
    Py_SETREF(self->actor, Py_NewRef(actor));
    return in_task ? check_cancelled(op, result) : send_now(self, result);
}

/* trio has found the task not cancelled.  */
PySendResult
sending_go_on(Awaitable *op, PyObject *value, PyObject **result)
{
    Py_XDECREF(value);
    return send_now((Sending *)op, result);
}

/* --- the type ---------------------------------------------------------------------------------- */

PyType_Spec sending_spec = {
    .name = "actorsock._native._core.Sending",
    .basicsize = sizeof(Awaitable),
    .flags = AWAITABLE_FLAGS,
    .slots = AWAITABLE_SLOTS,
};

PyObject *
new_sending(Twin *function, const Transport *transport, PyObject *sock, PyObject *given)
{
    Sending *self = (Sending *)new_awaitable(&transport->steps, function);
    if (self != NULL) {
        self->actor = Py_NewRef(sock);
        self->given = Py_NewRef(given);
    }
    return (PyObject *)self;
}
