extension PodSchedule {
  /// Reads when pods arrive, restart and leave from a CSV file with the columns `second`, `pod` (counted from 0) and
  /// `event` (`arrive`, `restart` or `leave`), seconds ascending:
  ///
  ///     second,pod,event
  ///     30,2,arrive
  ///     60,0,restart
  ///     90,2,leave
  ///
  /// A pod with an `arrive` is absent before it, and a pod that has left stays away.
  ///
  /// - Returns: one schedule per pod; pods that the file does not name stay from beginning to end.
  /// - Throws: one sentence that names file, row and expectation.
  public static func load(_ path: String, pods: Int) throws -> [PodSchedule] {
    let file = try CSVFile(path: path)
    let (second, pod, event) = (try file.column("second"), try file.column("pod"), try file.column("event"))
    var schedules = Array(repeating: PodSchedule(), count: pods)
    var isNamed = Array(repeating: false, count: pods)
    var last = 0
    try file.forEachRow { row in
      let time = try row.integer(second, in: 1...1_000_000)
      guard time >= last else { throw row.refusal(second, expected: "a second not before \(last): rows ascend") }
      let index = try row.integer(pod, in: 0...pods - 1)
      let earlier = schedules[index]
      guard earlier.end == nil else { throw row.refusal(event, expected: "nothing: pod \(index) has left") }
      guard time > (earlier.restarts.last ?? earlier.start) else {
        throw row.refusal(second, expected: "one event a second of pod \(index)")
      }
      switch row.text(event) {
      case "arrive" where !isNamed[index]: schedules[index].start = time
      case "arrive": throw row.refusal(event, expected: "restart or leave: pod \(index) is there already")
      case "restart": schedules[index].restarts.append(time)
      case "leave": schedules[index].end = time
      default: throw row.refusal(event, expected: "arrive, restart or leave")
      }
      isNamed[index] = true
      last = time
    }
    for schedule in schedules { try schedule.validate() }
    return schedules
  }
}
