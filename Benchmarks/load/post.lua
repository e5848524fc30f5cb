-- For wrk: the same POST again and again, and the outcome as a line of JSON.
--
--     wrk -s post.lua URL -- BODY_FILE CONTENT_TYPE
function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    wrk.headers["Content-Type"] = arguments[2]
    file:close()
end

function done(summary, latency)
    local errors = summary.errors
    local seconds = summary.duration / 1e6
    io.write(string.format(
        '{"requests": %d, "refused": %d, "seconds": %.4f, "per_second": %.1f, '
            .. '"p50_us": %.1f, "p99_us": %.1f, "p999_us": %.1f}\n',
        summary.requests,
        errors.status + errors.connect + errors.read + errors.write + errors.timeout,
        seconds, summary.requests / seconds,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
