/* Ctrl-C in loops without the GIL: a loop asks after some pieces of work whether it is to end. */
#ifndef MMSCODEC_INTERRUPT_H
#define MMSCODEC_INTERRUPT_H

#include <Python.h>
#include <stdint.h>
#include <time.h>

#if defined(_MSC_VER)
#define MMSCODEC_OF_THREAD __declspec(thread)
#else
#define MMSCODEC_OF_THREAD __thread
#endif

/* To have the GIL may take 5 ms where other threads run Python, so signals are looked for this often. */
#define MMSCODEC_LOOK_EVERY 30000000 /* ns */

/* Whether a handler of the interpreter has raised: then its exception is set. */
static inline int interrupted(void) {
    static MMSCODEC_OF_THREAD int64_t last;
    struct timespec now;
    int64_t ns, since;
    PyGILState_STATE state;
    int raised;
    if (timespec_get(&now, TIME_UTC) != TIME_UTC || !Py_IsInitialized())
        return 0;
    ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    since = ns - last;
    if (since >= 0 && since < MMSCODEC_LOOK_EVERY) /* negative: the clock was set back */
        return 0;
    last = ns;
    state = PyGILState_Ensure();
    raised = PyErr_CheckSignals() != 0;
    PyGILState_Release(state);
    return raised;
}
#endif
