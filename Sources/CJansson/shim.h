#ifndef IOCPD_CJANSSON_SHIM_H
#define IOCPD_CJANSSON_SHIM_H
#include <jansson.h>
#endif
