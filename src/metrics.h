/*
 * Counters for Prometheus: a file for the textfile collector of node_exporter, valid as OpenMetrics 1.0 and as
 * Prometheus' text format 0.0.4.
 *
 * Each sample has the label `source`, so that several files can lie side by side.
 */
#ifndef TCPLINT_METRICS_H
#define TCPLINT_METRICS_H

#include "error.h"
#include "report.h"

/*
 * Write the file: to a new one beside it, which then takes its name, so that no reader sees half of one.  False
 * and a sentence when that fails; what stood there before still does.
 */
bool metrics_write(const char *path, const char *source, const struct report_totals *t, struct error *e) MUST_CHECK;

#endif
