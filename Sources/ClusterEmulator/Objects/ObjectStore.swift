/// Objects that the emulator only keeps: leases, events, namespaces. Limit ranges and quotas are rendered from their rules.
struct ObjectStore {
  struct Key: Hashable {
    var plural: String
    var namespace: String
    var name: String
  }

  private(set) var objects: [Key: JSON] = [:]
  /// Events in the order in which they came: the oldest are forgotten, as after their hour.
  private var events: [Key] = []
  private var eventStart = 0
  static let eventsMaximum = 4096

  subscript(key: Key) -> JSON? {
    get { objects[key] }
    set {
      if key.plural == "events", objects[key] == nil, newValue != nil {
        events.append(key)
        if events.count - eventStart > Self.eventsMaximum {
          objects[events[eventStart]] = nil
          eventStart += 1
          if eventStart > Self.eventsMaximum {
            events.removeFirst(eventStart)
            eventStart = 0
          }
        }
      }
      objects[key] = newValue
    }
  }

  /// By namespace and name.
  func list(_ plural: String, namespace: String?) -> [JSON] {
    objects.filter { $0.key.plural == plural && (namespace == nil || $0.key.namespace == namespace) }
      .sorted { ($0.key.namespace, $0.key.name) < ($1.key.namespace, $1.key.name) }.map(\.value)
  }
}
