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

/* The steps of one call of `step_all`, as far as they are plain.

   They are taken within `_call`, a function of the Python, by whose frame trio finds that Ctrl-C may
   interrupt the program there. One such frame serves all steps of a call. What is not the program's
   code is done outside of it: the end of a process, say, which must not be interrupted.  */
struct Pass {
    Pass *outer; /* the one before: of another thread, or around a step in this one */
    uint64_t thread;
    PyObject *ready, *step; /* borrowed from `step_all` */
    long budget;
    /* What is left to do outside; without a body nothing is.  */
    PyObject *body;
    PyObject *process; /* NULL: the body is not plain, and no step was taken */
    PySendResult outcome;
    PyObject *yielded;                /* or returned */
    PyObject *type, *exc, *traceback; /* of PYGEN_ERROR */
};

/* Call what is to be called instead of resuming the code: an exception is to be thrown into it.  */
static PySendResult
call_instead(PyObject *instead, PyObject *coroutine, PyObject **yielded)
{
    *yielded = PyObject_CallOneArg(instead, coroutine);
    return *yielded == NULL ? PYGEN_ERROR : PYGEN_NEXT; /* the end is a StopIteration here */
}

/* Run the code of `body` until it awaits something, with the outcome of `PyIter_Send`.  */
static PySendResult
run_code(State *state, PyObject *body, PyObject **yielded)
{
    if (SLOT(body, state->light__coroutine) == Py_None && begin_code(state, body) < 0) {
        return PYGEN_ERROR;
    }
    PyObject *coroutine = Py_XNewRef(SLOT(body, state->light__coroutine));
    PyObject *instead = Py_XNewRef(SLOT(body, state->light_instead));
    PyObject *context = Py_XNewRef(SLOT(body, state->light_context));
    PySendResult outcome = PYGEN_ERROR;
    if (coroutine == NULL || instead == NULL || context == NULL) {
        PyErr_SetString(PyExc_AttributeError, "a light body without coroutine or context");
    }
    else if (PyContext_Enter(context) == 0) {
        outcome = instead == Py_None ? PyIter_Send(coroutine, Py_None, yielded)
                                     : call_instead(instead, coroutine, yielded);
        int left = outcome == PYGEN_ERROR ? leave_context(context) : PyContext_Exit(context);
        if (left < 0) {
            outcome = PYGEN_ERROR;
        }
    }
    Py_XDECREF(context);
    Py_XDECREF(instead);
    Py_XDECREF(coroutine);
    return outcome;
}

/* The budget after a step. One reduction for the step itself: a pass whose steps spend nothing must end
   too.  */
static void
charge(State *state, Pass *pass, PyObject *body)
{
    pass->budget -= (long)(state->light_full + 1 - (BUDGET(body) - FLOOR(body)));
}

/* Take the next step: whether nothing is left to do outside.  */
static int
step_next(State *state, Pass *pass, PyObject *body)
{
    PyObject *process = NULL;
    if (is_exactly(body, state->light_type)) {
        process = Py_XNewRef(SLOT(body, state->light_process));
    }
    PyObject *yielded = NULL;
    PySendResult outcome = PYGEN_ERROR;
    if (process != NULL) {
        FLOOR(body) = BUDGET(body) - state->light_full;
        slot_set(pass->step, state->step_process, Py_NewRef(process));
        outcome = run_code(state, body, &yielded);
        if (outcome == PYGEN_NEXT && yielded == state->pause) {
            charge(state, pass, body);
            Py_DECREF(yielded);
            Py_DECREF(process);
            Py_DECREF(body);
            return 1;
        }
    }
    pass->body = body;
    pass->process = process;
    pass->outcome = outcome;
    pass->yielded = yielded;
    PyErr_Fetch(&pass->type, &pass->exc, &pass->traceback);
    return 0;
}

static PyObject *
take_steps(PyObject *module, PyObject *unused)
{
    State *state = PyModule_GetState(module);
    Pass *pass = state->pass;
    while (pass != NULL && pass->thread != PyThreadState_Get()->id) {
        pass = pass->outer;
    }
    if (pass == NULL || pass->body != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "not in a call of step_all");
        return NULL;
    }
    while (pass->budget > 0 && Py_SIZE(pass->ready) > 0) {
        PyObject *body = pop_from_left(state, pass->ready);
        if (body == NULL) {
            return NULL;
        }
        if (!step_next(state, pass, body)) {
            break;
        }
    }
    Py_RETURN_NONE;
}

PyMethodDef TAKE_STEPS = {"take_steps", take_steps, METH_O, NULL};

/* Put `body` back in front, and leave the rest of the budget to the Python.  */
static PyObject *
continue_in_python(Twin *self, PyObject *ready, PyObject *body, long budget)
{
    if (done_with(PyObject_CallMethodOneArg(ready, self->state->str_appendleft, body)) < 0) {
        return NULL;
    }
    return PyObject_CallFunction(self->fallback, "Ol", ready, budget);
}

/* Do what the last step has left to do: 0, or -1 if an exception propagates. `*result` is that of the
   Python, if it has gone on.  */
static int
finish_step(Twin *self, Pass *pass, PyObject **result)
{
    State *state = self->state;
    PyObject *body = pass->body, *process = pass->process, *yielded = pass->yielded;
    pass->body = pass->process = pass->yielded = NULL;
    PyErr_Restore(pass->type, pass->exc, pass->traceback);
    pass->type = pass->exc = pass->traceback = NULL;
    int done = 0;
    if (process == NULL) {
        *result = continue_in_python(self, pass->ready, body, pass->budget);
        done = *result == NULL ? -1 : 0;
    }
    else {
        if (pass->outcome == PYGEN_RETURN) {
            done = end_normally(state, process);
        }
        else if (pass->outcome == PYGEN_ERROR
                 || (yielded != state->pause
                     && done_with(PyObject_CallMethodOneArg(body, state->str_throw_misuse, yielded))
                            < 0)) {
            done = end_by_exception(state, body, process);
        }
        charge(state, pass, body);
    }
    Py_XDECREF(yielded);
    Py_XDECREF(process);
    Py_DECREF(body);
    return done;
}

/* Take steps until there is something to do outside, and do that: as `finish_step`.  */
static int
step_some(Twin *self, Pass *pass, PyObject **result)
{
    PyObject *args[] = {self->state->take_steps, Py_None};
    PyObject *returned = PyObject_Vectorcall(self->state->call_handler, args, 2, NULL);
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback); /* of an interrupt in the frame of `_call` itself */
    Py_XDECREF(returned);
    int done = pass->body == NULL ? 0 : finish_step(self, pass, result);
    if (returned != NULL) {
        return done;
    }
    if (done < 0) {
        Py_XDECREF(type);
        Py_XDECREF(exc);
        Py_XDECREF(traceback);
    }
    else {
        PyErr_Restore(type, exc, traceback);
    }
    return -1;
}

static void
leave_pass(State *state, Pass *pass)
{
    Pass **place = &state->pass;
    while (*place != pass) {
        place = &(*place)->outer;
    }
    *place = pass->outer;
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
    long budget = PyLong_AsLongAndOverflow(args[1], &overflow);
    if (overflow) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *step = thread_step(state);
    if (step == NULL) {
        return NULL;
    }
    Pass pass = {.outer = state->pass, .thread = PyThreadState_Get()->id, .ready = args[0],
                 .step = step, .budget = budget};
    state->pass = &pass;
    PyObject *result = NULL; /* of the Python, once something was not plain */
    int failed = 0;
    while (!failed && result == NULL && pass.budget > 0 && Py_SIZE(pass.ready) > 0) {
        failed = step_some(self, &pass, &result) < 0;
    }
    leave_pass(state, &pass);
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    slot_set(step, state->step_process, Py_NewRef(Py_None));
    Py_DECREF(step);
    PyErr_Restore(type, exc, traceback);
    if (failed) {
        Py_XDECREF(result);
        return NULL;
    }
    return result != NULL ? result : PyLong_FromLong(pass.budget);
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
