import RandomStreams

/// Pods that come, restart and go at random times: what rollouts, evictions and replica counts do to a cluster.
///
/// Every pod of every episode draws its own times: stays, absences and the times between restarts are exponentially
/// distributed, and at the start a pod is there with the probability that it has in the long run. The first pod of a cluster
/// restarts but never leaves, so that there is always one.
///
/// Decoding fills missing keys with the defaults.
public struct PodChurn: Codable, Equatable, Sendable {
  /// Mean seconds that a pod stays, 1…1,000,000.
  public var stay = 120.0
  /// Mean seconds until it is back, 1…1,000,000.
  public var absence = 30.0
  /// Mean seconds between restarts, 1…1,000,000.
  public var restart = 300.0

  public init(stay: Double = 120, absence: Double = 30, restart: Double = 300) {
    self.stay = stay
    self.absence = absence
    self.restart = restart
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    stay = try values.decodeIfPresent(Double.self, forKey: .stay) ?? stay
    absence = try values.decodeIfPresent(Double.self, forKey: .absence) ?? absence
    restart = try values.decodeIfPresent(Double.self, forKey: .restart) ?? restart
  }

  public func validate() throws {
    for (name, value) in [("stay", stay), ("absence", absence), ("restart", restart)] {
      try PodSimulation.validate("churn.\(name)", value, in: 1...1_000_000, "seconds")
    }
  }
}

/// What happens when to the pods of a cluster, by schedule or by churn: the next event of every place. Allocates in `init`
/// only.
final class PodCalendar {
  fileprivate struct Place {
    var at = Int.max
    var event = PodSchedule.Event.none
    // Of churn only.
    var leaveAt = Int.max
    var restartAt = Int.max
    var random = RandomStream(seed: 0, stream: 0)
  }

  private let schedules: [PodSchedule]
  private let churn: PodChurn?
  private let seed: UInt64
  private let count: Int
  private let places: UnsafeMutablePointer<Place>

  /// nil where all pods stay from beginning to end.
  ///
  /// - Parameter configuration: valid.
  init?(_ configuration: PodClusterConfiguration, places count: Int) {
    if configuration.schedules.isEmpty && configuration.churn == nil { return nil }
    schedules = configuration.schedules
    churn = configuration.churn
    seed = configuration.seed
    self.count = count
    places = .allocate(capacity: count)
    places.initialize(repeating: Place(), count: count)
  }

  deinit { places.deallocate() }

  /// Begins a pod's episode.
  ///
  /// - Returns: whether the pod is there from the beginning.
  func reset(_ index: Int, pod: Int, episode: Int) -> Bool {
    var place = Place()
    defer { places[index] = place }
    guard let churn else {
      (place.event, place.at) = schedules[pod].nextEvent(after: -1)
      return schedules[pod].start == 0
    }
    place.random = RandomStream(seed: seed, purpose: "churn", pod, episode)
    let isPresent = pod == 0 || (place.random.uniform() as Double) * (churn.stay + churn.absence) < churn.stay
    plan(&place, churn, pod: pod, isPresent: isPresent, time: 0)
    return isPresent
  }

  /// Nothing happens to a pod until its next episode.
  func silence(_ index: Int) { places[index] = Place() }

  /// What happens to a pod at the beginning of the second that begins at `time`; to be asked for every second, in order.
  @inline(__always)
  func event(_ index: Int, pod: Int, at time: Int) -> PodSchedule.Event {
    places[index].at == time ? take(index, pod, time) : .none
  }

  private func take(_ index: Int, _ pod: Int, _ time: Int) -> PodSchedule.Event {
    let event = places[index].event
    guard let churn else {
      (places[index].event, places[index].at) = schedules[pod].nextEvent(after: time)
      return event
    }
    if event == .restart {
      places[index].restartAt = places[index].after(churn.restart, time)
      places[index].choose()
    } else {
      plan(&places[index], churn, pod: pod, isPresent: event == .arrival, time: time)
    }
    return event
  }

  private func plan(_ place: inout Place, _ churn: PodChurn, pod: Int, isPresent: Bool, time: Int) {
    guard isPresent else {
      (place.event, place.at) = (.arrival, place.after(churn.absence, time))
      return
    }
    place.leaveAt = pod == 0 ? .max : place.after(churn.stay, time)
    place.restartAt = place.after(churn.restart, time)
    place.choose()
  }
}

extension PodCalendar.Place {
  /// A second after `time`, exponentially distributed.
  fileprivate mutating func after(_ mean: Double, _ time: Int) -> Int { time + 1 + Int(random.exponential(mean: mean)) }

  /// The sooner of leaving and restarting comes next.
  fileprivate mutating func choose() {
    (event, at) = leaveAt <= restartAt ? (.departure, leaveAt) : (.restart, restartAt)
  }
}
