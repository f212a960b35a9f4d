/* libFuzzer's way into a target: the interpreter is there to import the compiled kernels, once;
   no Python runs in the loop. MMSCODEC_FUZZ names the target as MODULE.NAME. */
#include <Python.h>
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define BEGIN_FOREIGN() __lsan_disable() /* what the interpreter keeps to its end is no leak of ours */
#define END_FOREIGN() __lsan_enable()
#elif __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
/* what the interpreter wrote is not known to be written: it is not compiled with the sanitizer */
#define BEGIN_FOREIGN() __msan_scoped_disable_interceptor_checks()
#define END_FOREIGN() __msan_scoped_enable_interceptor_checks()
#else
#define BEGIN_FOREIGN() ((void)0)
#define END_FOREIGN() ((void)0)
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*target)(const uint8_t *, size_t);

static void fail(const char *what)
{
    if (PyErr_Occurred())
        PyErr_Print();
    fprintf(stderr, "fuzz: %s\n", what);
    exit(2);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *asked = getenv("MMSCODEC_FUZZ");
    char name[200] = "tools.fuzz.targets.";
    const char *dot = asked ? strchr(asked, '.') : NULL;
    PyObject *module, *targets, *address;

    (void)argc;
    (void)argv;
    if (dot == NULL || (size_t)(dot - asked) > 100)
        fail("MMSCODEC_FUZZ is MODULE.NAME");
    strncat(name, asked, (size_t)(dot - asked));
    BEGIN_FOREIGN();
    Py_InitializeEx(0);
    if ((module = PyImport_ImportModule(name)) == NULL)
        fail("the module of the target cannot be imported");
    if ((targets = PyObject_GetAttrString(module, "TARGETS")) == NULL)
        fail("the module has no targets");
    if ((address = PyDict_GetItemString(targets, dot + 1)) == NULL)
        fail("there is no such target");
    target = (void (*)(const uint8_t *, size_t))PyLong_AsVoidPtr(address);
    PyEval_SaveThread();
    END_FOREIGN();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    target(size ? data : NULL, size); /* as the buffer of an empty object may be */
    return 0;
}
