import Autoscaling
import Kubernetes

/// Who has which place: pods come, change, restart and go; a place keeps its number. Pure.
///
/// The first pods get their places in the order of their names. One that comes back under its name (a restarted container, a
/// recreated pod of a StatefulSet) gets its old place back if that is free, else the first free one.
struct PodRoster: Sendable {
  /// What has become of a place.
  enum Event: Sendable, Equatable {
    /// Another pod, or one that was away, has it now.
    case taken(Int)
    /// The same pod, told about anew.
    case updated(Int)
    /// Its pod has left or cannot be driven any more.
    case left(Int)
  }

  let selection: PodSelection
  /// The pool whose pods are driven; nil for pods that name none.
  let pool: String?
  /// Places that there may be at most.
  let placesMaximum: Int
  /// Millicores of the pool that must be left for each pod's minimum.
  let capacity: Millicores
  private let minimum: @Sendable (SelectedPod) -> Millicores

  private(set) var places: [SelectedPod?] = []
  /// Pods that could be driven and have no place, by key.
  private(set) var waiting: [String: SelectedPod] = [:]
  /// Why others are not driven, by key.
  private(set) var refused: [String: PodSelection.Reason] = [:]
  private var homes: [String: Int] = [:]
  private var placeOfKey: [String: Int] = [:]
  /// Pods (by uid) that turned out to be beyond us.
  private var excluded: Set<String> = []

  /// - Parameters:
  ///   - places: places from the beginning, taken or not.
  ///   - minimum: the least that a pod must be granted.
  init(
    selection: PodSelection, pool: String? = nil, places: Int = 0, placesMaximum: Int, capacity: Millicores,
    minimum: @escaping @Sendable (SelectedPod) -> Millicores
  ) {
    self.selection = selection
    self.pool = pool
    self.placesMaximum = placesMaximum
    self.capacity = capacity
    self.minimum = minimum
    self.places = Array(repeating: nil, count: min(places, placesMaximum))
  }

  func place(ofKey key: String) -> Int? { placeOfKey[key] }

  mutating func apply(_ changes: [PodChange]) -> [Event] {
    var events: [Event] = []
    for change in changes {
      switch change {
      case .appeared(let pod): take(pod, into: &events)
      case .changed(_, let pod): take(pod, into: &events)
      case .vanished(let pod):
        waiting[pod.key] = nil
        refused[pod.key] = nil
        vacate(pod.key, into: &events)
      }
    }
    fill(into: &events)
    return events
  }

  /// Gives a place up for good: this pod (not another of its name) will not be driven again.
  mutating func exclude(_ place: Int) -> [Event] {
    var events: [Event] = []
    if let pod = places[place] {
      excluded.insert(pod.uid)
      vacate(pod.key, into: &events)
    }
    fill(into: &events)
    return events
  }

  /// Takes a newer version of a placed pod, as a patch answers it.
  mutating func refresh(_ place: Int, with pod: Pod) {
    guard let held = places[place], held.uid == pod.metadata.uid, !held.pod.isNewer(than: pod),
      case .success(let selected) = selection.judge(pod)
    else { return }
    places[place] = selected
  }

  private mutating func take(_ pod: Pod, into events: inout [Event]) {
    let key = pod.key
    let outcome = selection.judge(pod)
    guard case .success(let selected) = outcome, selected.settings.pool == pool, !excluded.contains(selected.uid) else {
      waiting[key] = nil
      if case .failure(let reason) = outcome { refused[key] = reason }
      vacate(key, into: &events)
      return
    }
    refused[key] = nil
    guard let place = placeOfKey[key] else {
      waiting[key] = selected
      return
    }
    let isAnother = places[place]?.uid != selected.uid
    // The answer to a patch may have been faster than the watch.
    if !isAnother, let held = places[place], held.pod.isNewer(than: pod) { return }
    places[place] = selected
    events.append(isAnother ? .taken(place) : .updated(place))
  }

  private mutating func vacate(_ key: String, into events: inout [Event]) {
    guard let place = placeOfKey.removeValue(forKey: key) else { return }
    // Names of Deployments' pods never come back: what is remembered of them is bounded.
    if homes.count >= 10_000 { homes.removeAll() }
    homes[key] = place
    places[place] = nil
    events.append(.left(place))
  }

  private mutating func fill(into events: inout [Event]) {
    guard !waiting.isEmpty else { return }
    var floors = places.reduce(0) { $0 + ($1.map(minimum) ?? 0) }
    let candidates = waiting.values.sorted { PodSelection.isBefore($0.pod, $1.pod) }
    // In order, from the last: the first free one is taken off its end.
    var free = Array(places.indices.filter { places[$0] == nil }.reversed())
    for pod in candidates {
      // A pod whose minimum does not fit would push the others out of the pool.
      let floor = minimum(pod)
      guard floors + floor <= capacity else { continue }
      var place: Int?
      if let home = homes[pod.key], places[home] == nil {
        place = home
      } else {
        while let first = free.last, places[first] != nil { free.removeLast() }
        place = free.popLast()
        if place == nil, places.count < placesMaximum {
          places.append(nil)
          place = places.count - 1
        }
      }
      guard let place else { continue }
      floors += floor
      waiting[pod.key] = nil
      places[place] = pod
      placeOfKey[pod.key] = place
      homes[pod.key] = nil
      events.append(.taken(place))
    }
  }
}

extension Pod {
  /// Whether this version of a pod was written after the other. Generations count changes of what is wanted; of two with the
  /// same, resource versions tell, where they are numbers (Kubernetes promises their order since 1.35, etcd always kept it).
  func isNewer(than other: Pod) -> Bool {
    if metadata.generation != other.metadata.generation { return metadata.generation > other.metadata.generation }
    guard let version = UInt64(metadata.resourceVersion), let otherVersion = UInt64(other.metadata.resourceVersion)
    else { return false }
    return version > otherVersion
  }
}
