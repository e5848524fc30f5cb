"""The rows of the catalogue: which there are, which have no test and why, and deviations.

A row is one behaviour of an I/O completion port that a program on Windows can observe. Rows with a
test are told by the tests themselves, by their names and docstrings.
"""

TABLES = [
    ("Invariants", "I05 I06 I07 I08 I01 I02 I04 I09"),
    ("Creating and associating", "C01 C02 C03 C04 C05 C06 C07 C08 C09 C10 C11 C12 C13 C14 C15"),
    ("Posting", "P01 P02 P03 P04 P05 P06 P07 P08 P09 P10 P11"),
    ("Taking one entry", "G20 G21 G22 G07 G08 G01 G02 G03 G23 G09 G10 G11 G12 G13 G14"),
    ("Taking a batch", "X01 X02 X03 X05 X06 X04 X07 X08 X09 X10 X11 X20 X21"),
    (
        "Order, wake-up, concurrency",
        "O01 O06 O02 O03 O04 O07 O08 O09 O10 O11 O12 O13 O14",
    ),
    ("Closing a port", "Z01 Z02 Z03 Z04 Z06"),
    ("Closing a session", "Z05 Z07 Z08 Z10 Z11 Z12 Z20 Z21 Z22 Z23 Z30"),
    ("Cancelling", "K01 K02 K03 K04 K05 K06 K07 K08 K09 K10 K11 K20 K12"),
    ("Operations without an entry", "N01 N02 N03 N04 N05 N09 N10 N06 N07 N11"),
    (
        "Streams",
        "T01 T02 T03 T13 T04 T05 T06 T07 T08 T09 T10 T11 T12 T14 T15 T16 T17",
    ),
    ("Accepting and connecting", "A01 A02 A03 A04 A06 A07 A08 A09"),
    ("Datagrams", "U01 U02 U03 U04 U05 U06 U07"),
    (
        "Pipes and messages",
        "M01 M02 M03 M04 M05 M06 M07 M08 M09 M10 M11 M12 M13 M14 M15 V01 V02",
    ),
    ("Files", "F01 F02 F03 F04 F05 F06 F07 F08 F09"),
    ("File locks", "L01 L02 L06 L03 L07 L04 L08 L09 L10"),
    ("Serial lines", "S01 S02 S03 S04 S05 S12 S06 S07 S08 S09 S10 S13 S14 S11"),
    ("Extras", "W01 W02 W03 W04 W05 W06 J01 J02 B01 B02 R01"),
]

ONE_ENTRY = "Superseded: an accepted operation always gives one entry and a refused one none."
NOT_OFFERED = "Not offered: {}."

# ID: (what Windows does, why there is no test of it).
UNTESTED = {
    "C07": (
        "A handle that was not opened for overlapped I/O cannot be tied to a port.",
        "Every session is asynchronous.",
    ),
    "C09": (
        "A port can be created and a handle tied to it in one call.",
        NOT_OFFERED.format("two requests do it, and either may be repeated by itself"),
    ),
    "C13": (
        "A duplicate of a handle shares its key and its port.",
        NOT_OFFERED.format("a session has one id, which any number of clients may use"),
    ),
    "C15": (
        "A port belongs to one process.",
        "Superseded: a port is there to be shared, by its name.",
    ),
    "G08": (
        "An informational status counts as a success.",
        "There is no such class of status; what ends by a serial timer is `ok` (S03).",
    ),
    "G10": (
        "The port's handle can be waited for, which takes nothing.",
        NOT_OFFERED.format("a look at a port takes nothing (I02) and does not wait"),
    ),
    "G11": (
        "A take of one entry does not run APCs.",
        "Windows only: whether a fetch is alertable is said by itself (X08).",
    ),
    "O13": (
        "Twice as many threads as processors are recommended, with as many running as there are.",
        "Advice to callers, not a behaviour.",
    ),
    "Z03": (
        "Closing one of several handles to a port disturbs nobody.",
        NOT_OFFERED.format("a port has one name"),
    ),
    "Z08": (
        "A handle is closed when the last of its duplicates is.",
        NOT_OFFERED.format("a session has one id"),
    ),
    "Z22": (
        "A directory watch that is pending at one's own close gives a packet.",
        NOT_OFFERED.format("directories are not watched"),
    ),
    "K05": (
        "CancelIo takes only operations that the calling thread began.",
        "Operations belong to their session, not to the client that submitted them.",
    ),
    "N04": (
        "A completion mode of a handle cannot be taken back.",
        "Superseded: there is no mode; delivery is chosen for each operation (N01).",
    ),
    "N07": (
        "An event without the low bit gives both, the event and the packet.",
        NOT_OFFERED.format("there are no web hooks"),
    ),
    "N10": (
        "The flag that leaves the handle's event alone does not change packets.",
        "Windows only.",
    ),
    "N11": (
        "An operation without an OVERLAPPED queues no packet.",
        "Superseded: a context may be left out, and the entry comes all the same.",
    ),
    "T11": (
        "After the own receiving side was shut down reads fail.",
        NOT_OFFERED.format("only the sending side can be shut down"),
    ),
    "A02": (
        "An accept with a receive size waits for the first data.",
        NOT_OFFERED.format("an accept completes with the connection, a read with the data"),
    ),
    "A03": (
        "An accept with a receive size completes with 0 bytes when the client closes.",
        NOT_OFFERED.format("an accept completes with the connection, a read tells the end"),
    ),
    "A06": (
        "A connect on a socket that is not bound fails.",
        "Windows only: the daemon binds.",
    ),
    "A08": (
        "A connect may carry the first data.",
        NOT_OFFERED.format("a write may be submitted while the session is opening (C11)"),
    ),
    "W01": (
        "A wait packet ties a waitable object to a port.",
        NOT_OFFERED.format("what is waited for on a port are devices and packets"),
    ),
    "W02": ("A wait packet that is in use cannot be tied again.", "As W01."),
    "W03": ("A wait packet is for one time.", "As W01."),
    "W04": ("A wait packet on what is signalled already is queued at once.", "As W01."),
    "W05": ("A wait packet can be cancelled, and pulled out of the queue.", "As W01."),
    "W06": ("Timers reach a port through wait packets.", "As W01."),
    "J01": (
        "A job object posts the beginnings and ends of its processes.",
        NOT_OFFERED.format("processes are no devices"),
    ),
    "J02": ("Most messages of a job object may be lost.", "As J01."),
    "B01": (
        "A directory watch says that it was queued, and its packet comes later.",
        NOT_OFFERED.format("directories are not watched"),
    ),
    "B02": ("A directory watch that overflows says to look again.", "As B01."),
    "R01": (
        "Registered I/O and thread pools are other faces of the same queue.",
        "Windows only.",
    ),
}

# (rows, what Windows does, what iocpd does, why).
DEVIATIONS = [
    (
        "O03, O09",
        "A thread that has dequeued runs, and counts, until it dequeues again or blocks.",
        "A fetch in `consume` mode needs a free slot like any other and keeps none, so on a port"
        " whose consumers all use `consume`, `concurrency` has no effect.",
        "Nobody could tell when the work of a consumed batch is done, and a consumer that dies"
        " would hold its slot for ever.",
    ),
    (
        "O09",
        "A thread counts as running even after a dequeue that timed out.",
        "Only a batch makes a consumer run: after `timeout`, `alert`, `superseded` or"
        " `concurrency` it does not.",
        "There is no lease that could bound it.",
    ),
    (
        "I06, I07, I08",
        "Whether a packet follows depends on the class of the status that the call returned.",
        "A request that is accepted gives exactly one entry for each operation, one that is"
        " refused none.",
        "A client need not know classes of status to know whether to wait.",
    ),
    (
        "M05, Z20",
        "The end of a pipe is an error, that of a socket a success; one's own close of a pipe"
        " reads as broken, of a socket as aborted.",
        "Every stream ends as `end_of_stream` by its peer and as `cancelled` by oneself.",
        "One rule for all transports.",
    ),
    (
        "C14, Z04",
        "A port's handle may be closed while sessions go on, and their packets go nowhere.",
        "A port with open sessions is closed by force only, and closes them too.",
        "No operation is left whose entry nobody could take.",
    ),
]
