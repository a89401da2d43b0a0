/* Stepping light processes: the twin of `step_all`.  */

#include "core.h"

static int
end_normally(State *state, PyObject *body)
{
    PyObject *process = SLOT(body, state->light_process);
    PyObject *done = PyObject_CallMethodOneArg(process, state->str_end, state->str_normal);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* The code of the body has raised the current exception: what `step_all` does in its `except`.  */
static int
end_by_exception(State *state, PyObject *body)
{
    if (PyErr_ExceptionMatches(PyExc_StopIteration)) {
        PyErr_Clear();
        return end_normally(state, body);
    }
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyErr_NormalizeException(&type, &exc, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(exc, traceback);
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    /* What is raised from here on has `exc` as its context, as in an `except` block.  */
    PyObject *handled = PyErr_GetHandledException();
    PyErr_SetHandledException(exc);
    PyObject *done = PyObject_CallMethodOneArg(body, state->str_end_with, exc);
    PyErr_SetHandledException(handled);
    Py_XDECREF(handled);
    Py_DECREF(exc);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Leave `context`, also while an exception is set, which stays.  */
static int
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

/* Run the code of `body` until it awaits the runtime or has ended; -1: an exception propagates.  */
static int
step_body(State *state, PyObject *body)
{
    if (SLOT(body, state->light_resume) == Py_None) {
        PyObject *resume = PyObject_CallMethodNoArgs(body, state->str_begin);
        if (resume == NULL) {
            return end_by_exception(state, body);
        }
        Py_DECREF(resume);
    }
    PyObject *coroutine = Py_NewRef(SLOT(body, state->light_coroutine));
    PyObject *context = Py_NewRef(SLOT(body, state->light_context));
    PyObject *yielded = NULL;
    PySendResult outcome = PYGEN_ERROR;
    if (PyContext_Enter(context) == 0) {
        outcome = PyIter_Send(coroutine, Py_None, &yielded);
        if (leave_context(context) < 0) {
            outcome = PYGEN_ERROR;
        }
    }
    Py_DECREF(context);
    Py_DECREF(coroutine);
    int done;
    switch (outcome) {
    case PYGEN_RETURN:
        done = end_normally(state, body);
        break;
    case PYGEN_NEXT:
        if (yielded == state->pause) {
            done = 0;
        }
        else {
            PyObject *thrown = PyObject_CallMethodOneArg(body, state->str_throw_misuse, yielded);
            Py_XDECREF(thrown);
            done = thrown == NULL ? end_by_exception(state, body) : 0;
        }
        break;
    default:
        done = end_by_exception(state, body);
    }
    Py_XDECREF(yielded);
    return done;
}

/* step_all(ready, budget) */
static PyObject *
step_all(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (!state->ready && state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL || is_observed()
        || !Py_IS_TYPE(args[0], (PyTypeObject *)state->deque_type) || !PyLong_CheckExact(args[1])) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *ready = args[0];
    long budget = PyLong_AsLong(args[1]);
    PyObject *step = thread_step(state);
    if (step == NULL) {
        return NULL;
    }
    Py_INCREF(step);
    PyObject *fall_back = NULL; /* the result of the Python, once something was not plain */
    int failed = 0;
    while (!failed && budget > 0 && PyObject_Size(ready) > 0) {
        PyObject *body = PyObject_Vectorcall(state->popleft, &ready, 1, NULL);
        if (body == NULL) {
            failed = 1;
            break;
        }
        if (!Py_IS_TYPE(body, (PyTypeObject *)state->light_type)) {
            PyObject *back = PyObject_CallMethodOneArg(ready, state->str_appendleft, body);
            Py_DECREF(body);
            if (back == NULL) {
                failed = 1;
                break;
            }
            Py_DECREF(back);
            fall_back = PyObject_CallFunction(self->fallback, "Ol", ready, budget);
            failed = fall_back == NULL;
            break;
        }
        slot_set(body, state->body_budget, Py_NewRef(state->light_budget));
        slot_set(step, state->step_process, Py_NewRef(SLOT(body, state->light_process)));
        failed = step_body(state, body) < 0;
        /* One reduction for the step itself: a pass whose steps spend nothing must end too.  */
        long left = PyLong_AsLong(SLOT(body, state->body_budget));
        budget -= state->light_budget_value + 1 - left;
        Py_DECREF(body);
    }
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    slot_set(step, state->step_process, Py_NewRef(Py_None));
    Py_DECREF(step);
    if (failed) {
        PyErr_Restore(type, exc, traceback);
        return NULL;
    }
    return fall_back != NULL ? fall_back : PyLong_FromLong(budget);
}

const TwinEntry LIGHT_TWINS[] = {
    {"step_all", step_all},
    {NULL, NULL},
};
