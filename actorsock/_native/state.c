/* Learning, once, what the twins know of the Python: classes, tables, offsets of slots.  */

#include "core.h"

/* The attribute `name` of the module `path`; a new reference.  */
static PyObject *
import_from(const char *path, const char *name)
{
    PyObject *module = PyImport_ImportModule(path);
    if (module == NULL) {
        return NULL;
    }
    PyObject *found = PyObject_GetAttrString(module, name);
    Py_DECREF(module);
    return found;
}

/* The offset of the slot `name` of instances of `type`; -1 with an exception if it has none.  */
static Py_ssize_t
slot_offset(PyObject *type, const char *name)
{
    PyObject *descriptor = PyObject_GetAttrString(type, name);
    if (descriptor == NULL) {
        return -1;
    }
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
        if (member->type == T_OBJECT_EX) {
            offset = member->offset;
        }
    }
    Py_DECREF(descriptor);
    if (offset < 0) {
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", type, name);
    }
    return offset;
}

#define IMPORT(field, path, name)                                                                 \
    do {                                                                                          \
        Py_XSETREF(state->field, import_from(path, name));                                        \
        if (state->field == NULL) {                                                               \
            return -1;                                                                            \
        }                                                                                         \
    } while (0)

#define STRING(field, text)                                                                       \
    do {                                                                                          \
        Py_XSETREF(state->field, PyUnicode_InternFromString(text));                               \
        if (state->field == NULL) {                                                               \
            return -1;                                                                            \
        }                                                                                         \
    } while (0)

#define OFFSET(field, type, name)                                                                 \
    do {                                                                                          \
        state->field = slot_offset(state->type, name);                                            \
        if (state->field < 0) {                                                                   \
            return -1;                                                                            \
        }                                                                                         \
    } while (0)

int
state_prepare(State *state)
{
    IMPORT(deque_type, "collections", "deque");
    IMPORT(pid_type, "actorsock.runtime.core.identity", "Pid");
    IMPORT(process_type, "actorsock.runtime.core.process", "Process");
    IMPORT(alive, "actorsock.runtime.core.process", "alive");
    IMPORT(mailbox_type, "actorsock.runtime.core.mailbox", "Mailbox");
    IMPORT(anything, "actorsock.runtime.core.mailbox", "anything");
    IMPORT(local, "actorsock.runtime.bodies.running", "local");
    IMPORT(step_type, "actorsock.runtime.bodies.running", "Step");
    IMPORT(light_type, "actorsock.runtime.bodies.light", "LightBody");
    IMPORT(pause, "actorsock.runtime.bodies.light", "_PAUSE");
    IMPORT(passes_type, "actorsock.runtime.core.passes", "Passes");
    IMPORT(light_budget, "actorsock.runtime.core.reductions", "LIGHT_BUDGET");
    state->light_budget_value = PyLong_AsLong(state->light_budget);
    STRING(str_check, "check");
    STRING(str_begin, "begin");
    STRING(str_end, "end");
    STRING(str_end_with, "end_with");
    STRING(str_throw_misuse, "throw_misuse");
    STRING(str_appendleft, "appendleft");
    STRING(str_normal, "normal");
    STRING(str_step, "step");
    STRING(str_process, "process");
    Py_XSETREF(state->append, PyObject_GetAttrString(state->deque_type, "append"));
    Py_XSETREF(state->popleft, PyObject_GetAttrString(state->deque_type, "popleft"));
    if (state->append == NULL || state->popleft == NULL) {
        return -1;
    }
    OFFSET(process_body, process_type, "body");
    OFFSET(process_mailbox, process_type, "mailbox");
    OFFSET(process_node, process_type, "node");
    OFFSET(mailbox_arrivals, mailbox_type, "arrivals");
    OFFSET(mailbox_wanted, mailbox_type, "wanted");
    OFFSET(body_parked, light_type, "parked");
    OFFSET(body_outcome, light_type, "outcome");
    OFFSET(body_budget, light_type, "budget");
    OFFSET(light_passes, light_type, "_passes");
    OFFSET(light_process, light_type, "process");
    OFFSET(light_resume, light_type, "resume");
    OFFSET(light_context, light_type, "context");
    OFFSET(process_ending, process_type, "ending");
    OFFSET(mailbox_saved, mailbox_type, "saved");
    OFFSET(light_coroutine, light_type, "_coroutine");
    OFFSET(passes_keeper, passes_type, "keeper");
    OFFSET(passes_ready, passes_type, "ready");
    OFFSET(step_process, step_type, "process");
    state->ready = 1;
    return 0;
}

PyObject *
thread_step(State *state)
{
    uint64_t thread = PyThreadState_GetID(PyThreadState_Get());
    if (state->step == NULL || state->step_thread != thread) {
        Py_XSETREF(state->step, PyObject_GetAttr(state->local, state->str_step));
        if (state->step == NULL) {
            return NULL;
        }
        state->step_thread = thread;
    }
    return state->step;
}

PyObject *
stepped_process(State *state)
{
    PyObject *step = thread_step(state);
    if (step == NULL) {
        return NULL;
    }
    PyObject *process = SLOT(step, state->step_process);
    return Py_IS_TYPE(process, (PyTypeObject *)state->process_type) ? process : NULL;
}
