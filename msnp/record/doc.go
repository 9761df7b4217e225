// Package record writes down what the client of an account and the server say to
// each other, for a report that somebody else can read and play again, and makes
// a transcript for the tests of such a recording.
//
// A recording has the form of the recorded sessions of real clients that the
// tests replay (msnp/wire/testdata/captures). Tickets, challenges, cookies and
// phone numbers never get into it; the letters of messages only if whoever starts
// it asks for them: a veiled text keeps its length, its spaces and its marks, and
// how many bytes each letter took.
//
// A Recorder's lock guards what is being recorded and the files; it is taken
// while a line is written to a file, by the goroutines of recorded connections
// alone. A connection that begins while nothing is recorded is not touched.
package record
