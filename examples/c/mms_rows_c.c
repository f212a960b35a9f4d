/* Rows of a stream of MMS that comes in chunks, collected without the GIL.

       >>> rows = mms_rows_c.decode(stream, 1400)
       >>> numpy.frombuffer(rows["messages"], mmscodec.schema.dtypes.MESSAGES)
*/
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <mmscodec.h>
#include <stdlib.h>
#include <string.h>

static const mmscodec_api *codec; /* the functions of mmscodec, since this module was imported */

typedef struct {
    char *bytes;
    size_t size, room;
} table;

/* `count` rows of `size` bytes more at the end of a table. 0, or -1 without memory. */
static int append(table *t, const void *rows, size_t count, size_t size)
{
    size_t more = count * size;
    if (more > t->room - t->size) {
        size_t room = (t->size + more) * 2;
        char *bytes = realloc(t->bytes, room);
        if (bytes == NULL)
            return -1;
        t->bytes = bytes;
        t->room = room;
    }
    if (more)
        memcpy(t->bytes + t->size, rows, more);
    t->size += more;
    return 0;
}

enum { PACKETS, MESSAGES, DATA, FAULTS, ORDER, TABLES };
static const char *const names[TABLES] = {"packets", "messages", "data", "faults", "order"};

/* One byte a row, its MMSCODEC_ROW_ kind, in the order of the stream. */
static int in_order(const mmscodec_mms_decoder *decoder, table *kinds)
{
    mmscodec_mms_cursor at = mmscodec_mms_rows(codec->mms, decoder);
    int kind, failed = 0;
    while ((kind = mmscodec_mms_next(&at)) != MMSCODEC_ROW_NONE) {
        char row = (char)kind;
        failed |= append(kinds, &row, 1, 1);
    }
    return failed;
}

/* What the last call on the decoder completed, at the end of the tables. */
static int collect(const mmscodec_mms_decoder *decoder, table *tables)
{
    const mmscodec_mms_api *mms = codec->mms;
    const void *rows;
    size_t n;
    int failed = 0;
    rows = mms->packets(decoder, &n);
    failed |= append(&tables[PACKETS], rows, n, sizeof(mmscodec_mms_packet));
    rows = mms->messages(decoder, &n);
    failed |= append(&tables[MESSAGES], rows, n, sizeof(mmscodec_mms_message));
    rows = mms->data(decoder, &n);
    failed |= append(&tables[DATA], rows, n, sizeof(mmscodec_mms_data));
    rows = mms->faults(decoder, &n);
    failed |= append(&tables[FAULTS], rows, n, sizeof(mmscodec_mms_fault));
    failed |= in_order(decoder, &tables[ORDER]);
    return failed ? MMSCODEC_NO_MEMORY : MMSCODEC_OK;
}

/* The rows of a stream in chunks of this size: no Python in here. A status. */
static int decode_stream(const char *p, size_t left, size_t chunk, table *tables)
{
    mmscodec_mms_decoder *decoder;
    int status = codec->mms->create(&decoder, NULL);
    while (left && status == MMSCODEC_OK) {
        size_t n = left < chunk ? left : chunk;
        status = codec->mms->feed(decoder, p, n);
        if (status == MMSCODEC_OK)
            status = collect(decoder, tables);
        p += n;
        left -= n;
    }
    if (status == MMSCODEC_OK)
        status = codec->mms->finish(decoder);
    if (status == MMSCODEC_OK)
        status = collect(decoder, tables);
    codec->mms->destroy(decoder);
    return status;
}

static PyObject *decode(PyObject *self, PyObject *args)
{
    table tables[TABLES] = {{NULL, 0, 0}};
    PyObject *found = NULL;
    Py_buffer stream;
    Py_ssize_t chunk;
    int status, i;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*n:decode", &stream, &chunk))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    status = decode_stream(stream.buf, (size_t)stream.len, chunk > 0 ? (size_t)chunk : 1, tables);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&stream);
    if (status != MMSCODEC_OK)
        PyErr_SetString(status == MMSCODEC_NO_MEMORY ? PyExc_MemoryError : PyExc_RuntimeError,
                        codec->status_text(status));
    else
        found = PyDict_New();
    for (i = 0; i < TABLES; i++) {
        PyObject *rows = NULL;
        if (found != NULL)
            rows = PyBytes_FromStringAndSize(tables[i].bytes, (Py_ssize_t)tables[i].size);
        if (found != NULL && (rows == NULL || PyDict_SetItemString(found, names[i], rows) < 0))
            Py_CLEAR(found);
        Py_XDECREF(rows);
        free(tables[i].bytes);
    }
    return found;
}

static PyMethodDef methods[] = {
    {"decode", decode, METH_VARARGS, "decode(stream, chunk): rows of each table as bytes"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "mms_rows_c", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_mms_rows_c(void)
{
    codec = mmscodec_import();
    return codec == NULL ? NULL : PyModule_Create(&module);
}
