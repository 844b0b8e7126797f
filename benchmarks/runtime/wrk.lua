-- wrk's script: `wrk … URL -- BODY_FILE [NAME VALUE …]`. The body comes from a file, for it may hold
-- any byte; the request stays the same, so wrk formats it once. `done` prints one line of JSON.

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  for index = 2, #args, 2 do
    wrk.headers[args[index]] = args[index + 1]
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"bytes":%d,"broken":%d,"refused":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, summary.bytes, broken, errors.status,
    latency:percentile(50), latency:percentile(99)))
end
