/// What the kubelets will do and when: a heap, the next one first, equal times in the order in which they were noted.
struct Agenda {
  enum Task: Equatable {
    /// Look at what a pod asks for.
    case admit
    /// The runtime has applied what was admitted in this generation.
    case settle(generation: Int)
    /// Try again what failed.
    case retry(generation: Int)
  }

  struct Entry {
    var time: Double
    var number: Int
    var pod: PodKey
    var uid: String
    var task: Task
  }

  private var heap: [Entry] = []
  private var count = 0

  var nextTime: Double? { heap.first?.time }

  mutating func add(_ task: Task, pod: PodIdentity, at time: Double) {
    heap.append(Entry(time: time, number: count, pod: pod.key, uid: pod.uid, task: task))
    count += 1
    var place = heap.count - 1
    while place > 0, isSooner(place, (place - 1) / 2) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Takes out the next entry that is due.
  mutating func pop(until time: Double) -> Entry? {
    guard let first = heap.first, first.time <= time else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var place = 0
    while true {
      var soonest = place
      for child in [2 * place + 1, 2 * place + 2] where child < heap.count && isSooner(child, soonest) {
        soonest = child
      }
      if soonest == place { return first }
      heap.swapAt(place, soonest)
      place = soonest
    }
  }

  private func isSooner(_ a: Int, _ b: Int) -> Bool {
    heap[a].time == heap[b].time ? heap[a].number < heap[b].number : heap[a].time < heap[b].time
  }
}
