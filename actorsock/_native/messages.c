/* Sending a message: the twin of `send`.  */

#include "core.h"

/* Make the light process ready to run, as `LightBody.wake` does; 1 if it did, 0 if it is not plain.  */
int
wake_light(State *state, PyObject *body)
{
    PyObject *passes = SLOT(body, state->light_passes);
    if (!Py_IS_TYPE(passes, (PyTypeObject *)state->passes_type)) {
        return 0;
    }
    /* While the keeper sleeps, trio must be told; the Python does that.  */
    if (SLOT(passes, state->passes_keeper) != Py_None) {
        return 0;
    }
    PyObject *args[2] = {SLOT(passes, state->passes_ready), body};
    PyObject *done = PyObject_Vectorcall(state->append, args, 2, NULL);
    if (done == NULL) {
        return -1;
    }
    Py_DECREF(done);
    slot_set(body, state->body_parked, Py_NewRef(Py_False));
    slot_set(body, state->body_outcome, Py_NewRef(Py_None));
    return 1;
}

/* Process.deliver(message) where it is plain: 1 done, 0 not plain and nothing changed, -1.  */
int
deliver_plainly(State *state, PyObject *process, PyObject *message)
{
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    if (!Py_IS_TYPE(mailbox, (PyTypeObject *)state->mailbox_type)) {
        return 0;
    }
    PyObject *arrivals = SLOT(mailbox, state->mailbox_arrivals);
    PyObject *wanted = SLOT(mailbox, state->mailbox_wanted);
    if (!Py_IS_TYPE(arrivals, (PyTypeObject *)state->deque_type)) {
        return 0; /* None: nothing has ever come */
    }
    PyObject *body = NULL;
    if (wanted != Py_None) {
        body = SLOT(process, state->process_body);
        if (wanted != state->anything || !Py_IS_TYPE(body, (PyTypeObject *)state->light_type)
            || SLOT(body, state->body_parked) != Py_True) {
            return 0;
        }
        int woken = wake_light(state, body);
        if (woken <= 0) {
            return woken;
        }
        slot_set(mailbox, state->mailbox_wanted, Py_NewRef(Py_None));
    }
    PyObject *args[2] = {arrivals, message};
    PyObject *done = PyObject_Vectorcall(state->append, args, 2, NULL);
    if (done == NULL) {
        return -1;
    }
    Py_DECREF(done);
    return 1;
}

/* send(dest, message) */
static PyObject *
send_message(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (!state->ready && state_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL
        && Py_IS_TYPE(args[0], (PyTypeObject *)state->pid_type)) {
        PyObject *process = PyDict_GetItemWithError(state->alive, args[0]);
        if (process == NULL) {
            return PyErr_Occurred() ? NULL : Py_NewRef(args[1]);
        }
        if (Py_IS_TYPE(process, (PyTypeObject *)state->process_type)) {
            Py_INCREF(process);
            int done = deliver_plainly(state, process, args[1]);
            Py_DECREF(process);
            if (done != 0) {
                return done < 0 ? NULL : Py_NewRef(args[1]);
            }
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry MESSAGE_TWINS[] = {
    {"send", send_message},
    {NULL, NULL},
};
