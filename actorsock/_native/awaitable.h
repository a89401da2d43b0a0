/* What the awaitables of the core share: C objects that a program awaits as it would the coroutine of the
   Python function that they stand for, the function of a twin.

   As a coroutine, such an object does nothing before it is awaited, takes one step at a time, and is used
   once. All of that is in `awaitable.c`. What differs is in `Steps`: what it does first, and what it does
   when a wait is over. A wait is that of a light process, which yields to the runtime, or that of another
   coroutine, `inner`: of trio, or of the Python, to which everything is passed on.  */

#ifndef ACTORSOCK_AWAITABLE_H
#define ACTORSOCK_AWAITABLE_H

#include "core.h"

#include <stddef.h>

typedef enum {
    CALLED,    /* not awaited yet */
    STARTED,   /* in the first step */
    CHECKING,  /* a task: `inner` asks trio whether it is cancelled */
    WAITING,   /* for what wakes the process; a task in `inner` */
    SEARCHING, /* `receive`: in a long search of the Python (`inner`) */
    PASSED_ON, /* a coroutine of the Python does the rest (`inner`) */
    IN_PYTHON, /* the coroutine of the function itself does all of it (`inner`) */
    DONE,
} Phase;

typedef struct Steps Steps;

#define AWAITABLE_HEAD                                                                            \
    PyObject_HEAD                                                                                 \
    const Steps *steps;                                                                           \
    Twin *function;         /* that was called */                                                 \
    PyObject *process;      /* NULL before the first step, and if the Python does all of it */    \
    PyObject *inner;        /* the coroutine that is awaited, or NULL */                          \
    unsigned char phase;    /* a `Phase` */                                                       \
    unsigned char running;  /* it takes a step, and the program must not step it meanwhile */     \
    unsigned char hidden;   /* its function has no frame in stacks and tracebacks */              \
    unsigned char variant;  /* which of several functions was called */

typedef struct {
    AWAITABLE_HEAD
    PyObject *own[3]; /* or NULL; in the struct of each kind they have names */
} Awaitable;

/* A kind of awaitable.  */
struct Steps {
    /* Take the first step.  */
    PySendResult (*begin)(Awaitable *self, PyObject **result);
    /* Go on after CHECKING, WAITING or SEARCHING. `value`, whose reference is taken over, is that of
       `inner`; NULL in a light process that was woken.  */
    PySendResult (*go_on)(Awaitable *self, PyObject *value, PyObject **result);
    /* An exception, which is handled now, ends it while WAITING: 0, or -1 with another one. Or NULL.  */
    int (*unwind)(Awaitable *self);
    Py_ssize_t type, spare; /* offsets in `State`: its type, and memory for the next one, or NULL */
};

/* The slots of the types, and what their specs have in common.  */
extern PyType_Slot AWAITABLE_SLOTS[];
#define AWAITABLE_FLAGS                                                                           \
    (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE                           \
     | Py_TPFLAGS_DISALLOW_INSTANTIATION)

/* One that `function` returns, CALLED; a new reference. Its own fields are to be filled: the objects are
   NULL. Most are made right after another one has ended, so the memory of one of each kind is kept,
   without a reference to its type.  */
static inline PyObject *
new_awaitable(const Steps *steps, Twin *function)
{
    State *state = function->state;
    PyObject *made = SLOT(state, steps->spare);
    if (made != NULL) {
        SLOT(state, steps->spare) = NULL;
        (void)PyObject_Init(made, (PyTypeObject *)SLOT(state, steps->type));
        PyObject_GC_Track(made);
    }
    else if ((made = new_instance(SLOT(state, steps->type))) == NULL) {
        return NULL;
    }
    ((Awaitable *)made)->steps = steps;
    ((Awaitable *)made)->function = (Twin *)Py_NewRef((PyObject *)function);
    ((Awaitable *)made)->phase = CALLED;
    return made;
}

/* Free what was kept in a field of `State`.  */
void free_spare(PyObject **spare);

/* Go on in `inner`, whose reference is taken over; NULL with an exception ends it.  */
PySendResult go_on_in(Awaitable *self, PyObject *inner, Phase phase, PyObject **result);

/* Go on in the coroutine of trio by which a task honours a cancellation.  */
PySendResult check_cancelled(Awaitable *self, PyObject **result);

#endif
