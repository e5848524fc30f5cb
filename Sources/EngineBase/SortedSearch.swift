extension RandomAccessCollection where Index == Int {
    /// The first index whose element is beyond a bound; those that are come after those that are not.
    ///
    /// O(log n).
    public func partitioningIndex(where isBeyond: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = (low + high) / 2
            if isBeyond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
