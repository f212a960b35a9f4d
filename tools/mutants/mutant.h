/* Which mutant runs, and which were reached. */
#ifndef MMSCODEC_MUTANT_H
#define MMSCODEC_MUTANT_H
extern int mmscodec_mutant;
extern unsigned char *mmscodec_reached;

static inline int MUT(int number) {
    if (__builtin_expect(mmscodec_reached != 0, 0)) mmscodec_reached[number] = 1;
    return __builtin_expect(mmscodec_mutant == number, 0);
}
#endif
