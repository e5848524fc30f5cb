import Glibc

/// The present time as the `Date` field writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
func httpDate() -> String {
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    var seconds = time(nil)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) "
        + "\(parts.tm_year + 1900) \(clock) GMT"
}
