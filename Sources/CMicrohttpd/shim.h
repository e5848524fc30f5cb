#ifndef IOCPD_CMICROHTTPD_SHIM_H
#define IOCPD_CMICROHTTPD_SHIM_H
#include <microhttpd.h>
#endif
