/* Threads that Python knows nothing of use the C interface, while the caller holds the GIL and waits
   for them. Compiled and loaded by test_threads.py; without Python.h. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <mmscodec.h>

typedef struct {
    const mmscodec_api *codec;
    mmscodec_mms_decoder *decoder; /* or NULL: one of its own for each round */
    const char *bytes;
    size_t length, chunk;
    int rounds;
    size_t rows;   /* out: messages and Data packets of the last round */
    int failed;    /* out: a status that was not expected */
    size_t busy;   /* out: how often another call was under way */
} work;

static void once(work *w, mmscodec_mms_decoder *decoder)
{
    const mmscodec_mms_api *mms = w->codec->mms;
    size_t at, n;
    w->rows = 0;
    for (at = 0; at < w->length; at += w->chunk) {
        size_t left = w->length - at;
        int status = mms->feed(decoder, w->bytes + at, left < w->chunk ? left : w->chunk);
        if (status == MMSCODEC_BUSY && w->decoder != NULL)
            w->busy++;
        else if (status != MMSCODEC_OK)
            w->failed = status;
        if (w->decoder != NULL)
            continue; /* rows of a shared decoder are nobody's */
        mms->messages(decoder, &n);
        w->rows += n;
        mms->data(decoder, &n);
        w->rows += n;
    }
}

static void *run(void *given)
{
    work *w = given;
    int i;
    for (i = 0; i < w->rounds; i++) {
        mmscodec_mms_decoder *decoder = w->decoder;
        if (decoder == NULL && (w->failed = w->codec->mms->create(&decoder, NULL)) != 0)
            return NULL;
        once(w, decoder);
        if (w->decoder == NULL)
            w->codec->mms->destroy(decoder);
    }
    return NULL;
}

/* Run `count` threads to their end. 0, or a number where there is no thread. */
int run_all(work *works, int count)
{
    pthread_t threads[16];
    int i, failed = 0;
    for (i = 0; i < count && !failed; i++)
        failed = pthread_create(&threads[i], NULL, run, &works[i]);
    if (failed)
        i--; /* the last one did not begin */
    while (i-- > 0)
        pthread_join(threads[i], NULL);
    return failed;
}

/* What is fed when the interpreter has ended; it is copied. */
static work last;

static void at_the_end(void)
{
    size_t n;
    int status = last.codec->mms->feed(last.decoder, last.bytes, last.length);
    last.codec->mms->messages(last.decoder, &n);
    printf("%d %d\n", status, (int)n);
    fflush(stdout);
    last.codec->mms->destroy(last.decoder);
}

int Py_AtExit(void (*function)(void)); /* called when nothing of the interpreter is left */

int feed_at_the_end(const work *given)
{
    char *copy = malloc(given->length);
    size_t i;
    last = *given;
    last.bytes = copy;
    for (i = 0; copy != NULL && i < given->length; i++)
        copy[i] = given->bytes[i];
    return copy == NULL ? -1 : Py_AtExit(at_the_end);
}
