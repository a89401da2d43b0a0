/* Calls that a server answers in place: what does the same as `deliver_call`, and the twins of
   `ServerInPlace.__call__` and `Reply.__init__`.  */

#include "../core.h"

/* Call(caller, request) */
static PyObject *
new_call(State *state, PyObject *caller, PyObject *request)
{
    PyObject *call = new_instance(state->call_type);
    if (call != NULL) {
        SLOT(call, state->call_caller) = Py_NewRef(caller);
        SLOT(call, state->call_request) = Py_NewRef(request);
    }
    return call;
}

/* A caller without a ref, which is pending.  */
static PyObject *
new_caller(State *state, PyObject *pid)
{
    PyObject *caller = new_instance(state->caller_type);
    if (caller != NULL) {
        SLOT(caller, state->caller_pid) = Py_NewRef(pid);
        SLOT(caller, state->caller_answer) = Py_NewRef(state->pending);
    }
    return caller;
}

PyObject *
deliver_request(State *state, PyObject *target, PyObject *pid, PyObject *request)
{
    PyObject *caller = NULL, *call = NULL;
    int done = 0;
    if (is_plain_receiver(state, target, Py_None)) { /* not `request`: the message is a Call */
        caller = new_caller(state, pid);
        call = caller == NULL ? NULL : new_call(state, caller, request);
        done = call == NULL ? -1 : deliver_plainly(state, target, call);
    }
    Py_XDECREF(call);
    if (done == 1) {
        return caller;
    }
    Py_XDECREF(caller);
    /* The frame of the Python keeps Ctrl-C out of `deliver`.  */
    return done < 0 ? NULL
                    : PyObject_CallFunctionObjArgs(state->deliver_call, target, pid, request, NULL);
}

/* Whether the server waits for a message, without a time-out, and nobody looks on.  */
static int
waits_plainly(State *state, PyObject *engine)
{
    PyObject *waiting = SLOT(engine, state->engine_state);
    return is_exactly(waiting, state->waiting_type)
           && SLOT(waiting, state->waiting_timed) == Py_None
           && SLOT(engine, state->engine_suspended) == Py_False
           && SLOT(engine, state->engine_debugging) == Py_None;
}

/* Reply(value): answer the call.  */
static PyObject *
answer(State *state, PyObject *caller, PyObject *reply)
{
    PyObject *value = SLOT(reply, state->reply_value);
    if (is_exactly(caller, state->caller_type)
        && SLOT(caller, state->caller_answer) == state->pending) {
        slot_set(caller, state->caller_answer, Py_NewRef(value));
        Py_RETURN_NONE;
    }
    Py_INCREF(value);
    PyObject *done = PyObject_CallFunctionObjArgs(state->send_answer, caller, value, NULL);
    Py_DECREF(value);
    if (done == NULL) {
        return NULL;
    }
    Py_DECREF(done);
    Py_RETURN_NONE;
}

static int
is_plain_reply(State *state, PyObject *value)
{
    return is_exactly(value, state->reply_type) && SLOT(value, state->reply_then) == Py_None
           && SLOT(value, state->reply_timeout) == state->inf
           && SLOT(value, state->reply_value) != NULL;
}

/* Anything but a plain result: by the rules.  */
static PyObject *
by_rules(State *state, PyObject *engine, PyObject *waiting, PyObject *message, PyObject *value)
{
    if (value != NULL) {
        return PyObject_CallMethodObjArgs(engine, state->str__returned, waiting, message, value,
                                          NULL);
    }
    PyObject *handled, *exc = begin_except(&handled);
    PyObject *result = PyObject_CallMethodObjArgs(engine, state->str__raised, waiting, message, exc,
                                                  NULL);
    end_except(exc, handled);
    return result;
}

/* Call the callback of a message; `caller` is NULL for a cast. All are the caller's.  */
static PyObject *
serve(State *state, PyObject *engine, PyObject *waiting, PyObject *message, PyObject *caller,
      PyObject *request)
{
    PyObject *behaviour = Py_NewRef(SLOT(engine, state->engine_behaviour));
    PyObject *args[3] = {behaviour, request, caller};
    PyObject *value = PyObject_VectorcallMethod(
        caller == NULL ? state->str_handle_cast : state->str_handle_call, args,
        caller == NULL ? 2 : 3, NULL);
    Py_DECREF(behaviour);
    PyObject *result;
    if (caller != NULL && is_plain_reply(state, value)) {
        result = answer(state, caller, value);
    }
    else if (caller == NULL && value == Py_None) {
        result = Py_NewRef(Py_None);
    }
    else {
        result = by_rules(state, engine, waiting, message, value);
    }
    Py_XDECREF(value);
    return result;
}

/* ServerInPlace.__call__(self, message) */
static PyObject *
serve_in_place(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (otp_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL
        || !is_exactly(args[0], state->engine_type) || !waits_plainly(state, args[0])
        || SLOT(args[0], state->engine_behaviour) == NULL) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *engine = args[0], *message = args[1], *caller = NULL, *request;
    if (is_exactly(message, state->call_type)) {
        caller = SLOT(message, state->call_caller);
        request = SLOT(message, state->call_request);
        if (caller == NULL) {
            return twin_fall_back(self, args, nargsf, kwnames);
        }
    }
    else if (is_exactly(message, state->cast_type)) {
        request = SLOT(message, state->cast_request);
    }
    else {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    if (request == NULL) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *waiting = Py_NewRef(SLOT(engine, state->engine_state));
    Py_INCREF(request);
    Py_XINCREF(caller);
    PyObject *result = serve(state, engine, waiting, message, caller, request);
    Py_XDECREF(caller);
    Py_DECREF(request);
    Py_DECREF(waiting);
    return result;
}

/* Reply.__init__(self, value) */
static PyObject *
make_reply(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (otp_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL
        || !is_exactly(args[0], state->reply_type)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    slot_set(args[0], state->reply_value, Py_NewRef(args[1]));
    slot_set(args[0], state->reply_then, Py_NewRef(Py_None));
    slot_set(args[0], state->reply_timeout, Py_NewRef(state->inf));
    Py_RETURN_NONE;
}

const TwinEntry CALL_TWINS[] = {
    {"Reply.__init__", make_reply},
    {"ServerInPlace.__call__", serve_in_place},
    {NULL, NULL},
};
