/* Stepping light processes: the twin of `step_all`.  */

#include "../core.h"

static int
end_normally(State *state, PyObject *process)
{
    int done = end_plainly(state, process, state->str_normal);
    if (done == 0) {
        done = done_with(PyObject_CallMethodOneArg(process, state->str_end, state->str_normal));
    }
    return done < 0 ? -1 : 0;
}

/* The code of the body has raised the current exception: what `step_all` does in its `except`.  */
static int
end_by_exception(State *state, PyObject *body, PyObject *process)
{
    if (PyErr_ExceptionMatches(PyExc_StopIteration)) {
        PyErr_Clear();
        return end_normally(state, process);
    }
    PyObject *handled, *exc = begin_except(&handled);
    int done = done_with(PyObject_CallMethodOneArg(body, state->str_end_with, exc));
    end_except(exc, handled);
    return done;
}

int
leave_context(PyObject *context)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    int left = PyContext_Exit(context);
    if (type != NULL) {
        PyErr_Restore(type, exc, traceback);
    }
    return left;
}

/* Whether a call of `function` makes a coroutine and runs nothing else of the program.  */
static int
is_async(PyObject *function)
{
    if (Py_IS_TYPE(function, &PyMethod_Type)) {
        function = PyMethod_GET_FUNCTION(function);
    }
    return Py_IS_TYPE(function, &PyFunction_Type)
           && ((PyCodeObject *)PyFunction_GET_CODE(function))->co_flags & CO_COROUTINE;
}

/* LightBody.begin(): 0 or -1.  */
static int
begin_code(State *state, PyObject *body)
{
    PyObject *function = SLOT(body, state->light__function), *args = SLOT(body, state->light__args);
    if (SLOT(body, state->light_stopped) != Py_False || function == NULL || args == NULL) {
        return done_with(PyObject_CallMethodNoArgs(body, state->str_begin));
    }
    PyObject *nothing = PyTuple_New(0), *coroutine = NULL;
    Py_INCREF(function);
    Py_INCREF(args);
    if (nothing != NULL && is_async(function)) {
        coroutine = PyObject_Call(function, args, NULL);
    }
    else if (nothing != NULL) {
        coroutine = PyObject_CallFunctionObjArgs(state->call_function, function, args, NULL);
    }
    Py_DECREF(args);
    Py_DECREF(function);
    if (coroutine == NULL) {
        Py_XDECREF(nothing);
        return -1;
    }
    slot_set(body, state->light__coroutine, coroutine);
    slot_set(body, state->light__args, nothing);
    return 0;
}

/* Run the code of `body` until it awaits the runtime or has ended; -1: an exception propagates.  */
static int
step_body(State *state, PyObject *body, PyObject *process)
{
    if (SLOT(body, state->light__coroutine) == Py_None && begin_code(state, body) < 0) {
        return end_by_exception(state, body, process);
    }
    PyObject *coroutine = Py_XNewRef(SLOT(body, state->light__coroutine));
    PyObject *instead = Py_XNewRef(SLOT(body, state->light_instead));
    PyObject *context = Py_XNewRef(SLOT(body, state->light_context));
    PyObject *yielded = NULL;
    if (coroutine == NULL || instead == NULL || context == NULL) {
        PyErr_SetString(PyExc_AttributeError, "a light body without coroutine or context");
    }
    else if (PyContext_Enter(context) == 0) {
        /* A frame of Python, though C could resume the code too: trio finds by it that Ctrl-C may
           interrupt the program here.  */
        yielded = PyObject_CallOneArg(instead == Py_None ? state->resume_code : instead, coroutine);
        if (leave_context(context) < 0) {
            Py_CLEAR(yielded);
        }
    }
    Py_XDECREF(context);
    Py_XDECREF(instead);
    Py_XDECREF(coroutine);
    int done = 0;
    if (yielded == NULL) {
        done = end_by_exception(state, body, process);
    }
    else if (yielded != state->pause
             && done_with(PyObject_CallMethodOneArg(body, state->str_throw_misuse, yielded)) < 0) {
        done = end_by_exception(state, body, process);
    }
    Py_XDECREF(yielded);
    return done;
}

/* Put `body` back in front, and leave the rest of the budget to the Python.  */
static PyObject *
continue_in_python(Twin *self, PyObject *ready, PyObject *body, long budget)
{
    if (done_with(PyObject_CallMethodOneArg(ready, self->state->str_appendleft, body)) < 0) {
        return NULL;
    }
    return PyObject_CallFunction(self->fallback, "Ol", ready, budget);
}

/* step_all(ready, budget) */
static PyObject *
step_all(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    int overflow = 0;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL
        || !is_exactly(args[0], state->deque_type) || !PyLong_CheckExact(args[1])) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *ready = args[0];
    long budget = PyLong_AsLongAndOverflow(args[1], &overflow);
    if (overflow) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *step = thread_step(state);
    if (step == NULL) {
        return NULL;
    }
    PyObject *result = NULL; /* of the Python, once something was not plain */
    int failed = 0;
    while (!failed && result == NULL && budget > 0 && Py_SIZE(ready) > 0) {
        PyObject *body = pop_from_left(state, ready);
        if (body == NULL) {
            failed = 1;
            break;
        }
        PyObject *process = NULL;
        if (is_exactly(body, state->light_type)) {
            process = Py_XNewRef(SLOT(body, state->light_process));
        }
        if (process == NULL) {
            result = continue_in_python(self, ready, body, budget);
            failed = result == NULL;
        }
        else {
            FLOOR(body) = BUDGET(body) - state->light_full;
            slot_set(step, state->step_process, Py_NewRef(process));
            failed = step_body(state, body, process) < 0;
            /* One reduction for the step itself: a pass whose steps spend nothing must end too.  */
            budget -= (long)(state->light_full + 1 - (BUDGET(body) - FLOOR(body)));
            Py_DECREF(process);
        }
        Py_DECREF(body);
    }
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    slot_set(step, state->step_process, Py_NewRef(Py_None));
    Py_DECREF(step);
    PyErr_Restore(type, exc, traceback);
    if (failed) {
        Py_XDECREF(result);
        return NULL;
    }
    return result != NULL ? result : PyLong_FromLong(budget);
}

/* LightBody.spend(self, cost) */
static PyObject *
spend(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    int overflow;
    if (state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL
        || !is_exactly(args[0], state->light_type) || !PyLong_CheckExact(args[1])
        || SLOT(args[0], state->light_stopped) != Py_False) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    long cost = PyLong_AsLongAndOverflow(args[1], &overflow);
    if (overflow || cost < 0 || cost >= BUDGET(args[0]) - FLOOR(args[0])) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    BUDGET(args[0]) -= cost;
    Py_RETURN_NONE;
}

const TwinEntry LIGHT_TWINS[] = {
    {"LightBody.spend", spend},
    {"step_all", step_all},
    {NULL, NULL},
};
