"""What the observer can be asked, and the answers, as JSON.

Each module answers for one view. All read the tables of the runtime at the moment of the question;
no process of the program is asked, except for the state of a behaviour.
"""
