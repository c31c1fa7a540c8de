// The system zlib, with the two initialisers that zlib itself offers only as macros.
#ifndef ALOFT_CZLIB_SHIM_H
#define ALOFT_CZLIB_SHIM_H
#include <zlib.h>

static inline int aloft_deflateInit2(z_streamp stream, int level, int windowBits, int memLevel) {
    return deflateInit2(stream, level, Z_DEFLATED, windowBits, memLevel, Z_DEFAULT_STRATEGY);
}

static inline int aloft_inflateInit2(z_streamp stream, int windowBits) {
    return inflateInit2(stream, windowBits);
}
#endif
