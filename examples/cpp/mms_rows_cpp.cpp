// Rows of a stream of MMS that comes in chunks, collected without the GIL by a class that owns its
// decoder.
//
//     >>> rows = mms_rows_cpp.decode(stream, 1400)
//     >>> numpy.frombuffer(rows["messages"], mmscodec.schema.dtypes.MESSAGES)
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <algorithm>
#include <memory>
#include <mmscodec.h>
#include <new>
#include <stdexcept>
#include <string>

namespace {

const mmscodec_api *codec;  // the functions of mmscodec, since this module was imported

void check(int status)
{
    if (status == MMSCODEC_NO_MEMORY)
        throw std::bad_alloc();
    if (status < 0)
        throw std::runtime_error(codec->status_text(status));
}

template <typename Row> struct Rows {
    const Row *first;
    size_t count;
    const Row *begin() const { return first; }
    const Row *end() const { return first + count; }
};

class Decoder {
public:
    Decoder() : decoder(make(), codec->mms->destroy) {}
    void feed(const char *bytes, size_t length) { check(mms.feed(decoder.get(), bytes, length)); }
    void finish() { check(mms.finish(decoder.get())); }

    // Good until the next call of `feed` or `finish`.
    auto packets() const { return rows(mms.packets); }
    auto messages() const { return rows(mms.messages); }
    auto data() const { return rows(mms.data); }
    auto faults() const { return rows(mms.faults); }

private:
    static mmscodec_mms_decoder *make()
    {
        mmscodec_mms_decoder *made;
        check(codec->mms->create(&made, nullptr));
        return made;
    }

    template <typename Row>
    Rows<Row> rows(const Row *(*table)(const mmscodec_mms_decoder *, size_t *)) const
    {
        Rows<Row> found;
        found.first = table(decoder.get(), &found.count);
        return found;
    }

    const mmscodec_mms_api &mms = *codec->mms;
    std::unique_ptr<mmscodec_mms_decoder, void (*)(mmscodec_mms_decoder *)> decoder;
};

struct Tables {
    std::string packets, messages, data, faults;

    void collect(const Decoder &decoder)
    {
        append(packets, decoder.packets());
        append(messages, decoder.messages());
        append(data, decoder.data());
        append(faults, decoder.faults());
    }

    template <typename Row> static void append(std::string &table, Rows<Row> rows)
    {
        for (const Row &row : rows)
            table.append(reinterpret_cast<const char *>(&row), sizeof row);
    }
};

// No Python in here.
Tables decode_stream(const char *bytes, size_t length, size_t chunk)
{
    Decoder decoder;
    Tables tables;
    for (size_t at = 0; at < length; at += chunk) {
        decoder.feed(bytes + at, std::min(chunk, length - at));
        tables.collect(decoder);
    }
    decoder.finish();
    tables.collect(decoder);
    return tables;
}

PyObject *decode(PyObject *, PyObject *args)
{
    Py_buffer stream;
    Py_ssize_t chunk;
    Tables tables;
    std::string error;
    if (!PyArg_ParseTuple(args, "y*n:decode", &stream, &chunk))
        return nullptr;
    Py_BEGIN_ALLOW_THREADS
    try {
        tables = decode_stream(static_cast<const char *>(stream.buf),
                               static_cast<size_t>(stream.len),
                               static_cast<size_t>(std::max<Py_ssize_t>(chunk, 1)));
    } catch (const std::exception &failed) {
        error = failed.what();
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&stream);
    if (!error.empty()) {
        PyErr_SetString(PyExc_RuntimeError, error.c_str());
        return nullptr;
    }
    auto size = [](const std::string &table) { return static_cast<Py_ssize_t>(table.size()); };
    return Py_BuildValue("{s:y#,s:y#,s:y#,s:y#}",
                         "packets", tables.packets.data(), size(tables.packets),
                         "messages", tables.messages.data(), size(tables.messages),
                         "data", tables.data.data(), size(tables.data),
                         "faults", tables.faults.data(), size(tables.faults));
}

PyMethodDef methods[] = {
    {"decode", decode, METH_VARARGS, "decode(stream, chunk): rows of each table as bytes"},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module_of = {
    PyModuleDef_HEAD_INIT, "mms_rows_cpp", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr,
};

}  // namespace

PyMODINIT_FUNC PyInit_mms_rows_cpp()
{
    codec = mmscodec_import();
    return codec == nullptr ? nullptr : PyModule_Create(&module_of);
}
