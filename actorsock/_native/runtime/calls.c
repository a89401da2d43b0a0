/* Calls that a server answers in place: the twins of `deliver_call` and `ServerInPlace.__call__`.  */

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

/* deliver_call(target, pid, request) */
static PyObject *
deliver_call(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (otp_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 3 || kwnames != NULL
        || !is_exactly(args[0], state->process_type)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *caller = new_caller(state, args[1]);
    if (caller == NULL) {
        return NULL;
    }
    PyObject *call = new_call(state, caller, args[2]);
    int done = -1;
    if (call != NULL) {
        done = deliver_plainly(state, args[0], call);
        if (done == 0) {
            done = done_with(PyObject_CallMethodOneArg(args[0], state->str_deliver, call));
        }
        Py_DECREF(call);
    }
    if (done < 0) {
        Py_DECREF(caller);
        return NULL;
    }
    return caller;
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
by_rules(State *state, PyObject *engine, PyObject *waiting, PyObject *caller, PyObject *value)
{
    if (caller == NULL) {
        caller = Py_None;
    }
    if (value != NULL) {
        return PyObject_CallMethodObjArgs(engine, state->str__returned, waiting, caller, value,
                                          NULL);
    }
    PyObject *handled, *exc = begin_except(&handled);
    PyObject *result = PyObject_CallMethodObjArgs(engine, state->str__raised, waiting, caller, exc,
                                                  NULL);
    end_except(exc, handled);
    return result;
}

/* Call the callback of a message; `caller` is NULL for a cast. All are the caller's.  */
static PyObject *
serve(State *state, PyObject *engine, PyObject *waiting, PyObject *caller, PyObject *request)
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
        result = by_rules(state, engine, waiting, caller, value);
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
    PyObject *result = serve(state, engine, waiting, caller, request);
    Py_XDECREF(caller);
    Py_DECREF(request);
    Py_DECREF(waiting);
    return result;
}

const TwinEntry CALL_TWINS[] = {
    {"deliver_call", deliver_call},
    {"ServerInPlace.__call__", serve_in_place},
    {NULL, NULL},
};
